""".NET, which Debian does not have: a large program of the npm registry that brings its runtime, collector and JIT along."""
from case import Case

VERSION = "2.0.5"  # has .NET 10; the lists that it prints are another release's otherwise
TOOLS = r"""
/opt/dotnet/dist/azmcp tools list | sed '/"duration":/d' > out; wc -l < out; sha256sum < out; rm -rf out .[a-z]*
"""
# It asks and answers on pipes until its input ends, which has to be after the answer.
SERVER = r"""
mkfifo in; /opt/dotnet/dist/azmcp server start --mode all < in > out & exec 3> in
echo '{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2024-11-05","capabilities":{},"clientInfo":{"name":"c","version":"1"}}}' >&3
echo '{"jsonrpc":"2.0","method":"notifications/initialized"}' >&3
echo '{"jsonrpc":"2.0","id":2,"method":"tools/list"}' >&3
until grep -q '"id":2' out; do sleep 0.1; done; exec 3>&-; wait $!; echo $?; sha256sum < out; rm -rf in out .[a-z]*
"""
ENV = {"HOME": "{cwd}", "AZURE_MCP_COLLECT_TELEMETRY": "false", "DOTNET_SYSTEM_GLOBALIZATION_INVARIANT": "1"}


def dotnet(name, text, **env):
    return Case("dotnet-" + name, "usr/bin/dash", ["-s"], stdin=text, pool="list", children=True, seconds=900, native=0, env=dict(ENV, **env),
                npm={"amd64": "@azure/mcp-linux-x64@" + VERSION, "arm64": "@azure/mcp-linux-arm64@" + VERSION})


CASES = [
    dotnet("tools", TOOLS),
    dotnet("server", SERVER),
    # Everything by the JIT, at once with all optimisation; and first code, counted, changed while it runs.
    dotnet("compiled", TOOLS, DOTNET_ReadyToRun="0", DOTNET_TieredCompilation="0"),
    dotnet("tiers", TOOLS, DOTNET_ReadyToRun="0", DOTNET_TC_BackgroundWorkerTimeoutMs="0", DOTNET_TC_CallCountThreshold="2"),
    dotnet("collected", TOOLS, DOTNET_GCgen0size="40000", DOTNET_gcServer="1", DOTNET_GCHeapCount="2"),
    # Code is written through a second mapping unless told otherwise.
    dotnet("onemapping", TOOLS, DOTNET_EnableWriteXorExecute="0"),
]
