"""One real-program test: a program of a sysroot, its arguments and its input. The native run is what is expected."""


class Case:
    """name      unique; the part before the first "-" is the program's family
    program   path inside the sysroot
    args      list of strings; stdin: text or bytes; files: {name: text or bytes} put into the working folder
    pool      "small" (part of the default suite), "full", "large", "huge" or "list"
    env       variables besides the usual ones; {cwd} is the working folder
    children  the program executes other programs of the sysroot (natively that needs a chroot)
    accept    None: everything equals the native run; or, without one, function(stdout, stderr, status) -> None or what
              is wrong
    stderr    compare standard error too
    seconds   limit for one run
    native    the exit status that the native run has to have, if any other would say that the case itself does not work
    without   guests whose package cannot do this
    npm       {guest: "PACKAGE@VERSION" of the npm registry}, for programs that Debian does not have: unpacked as /opt/FAMILY; other guests skip
    """

    def __init__(self, name, program, args=(), stdin="", files=None, pool="small", children=False, accept=None,
                 stderr=True, seconds=60, env=None, without=(), native=None, npm=None):
        self.name, self.program, self.args = name, program, list(args)
        self.stdin, self.files = as_bytes(stdin), {k: as_bytes(v) for k, v in (files or {}).items()}
        self.pool, self.children, self.accept = pool, children, accept
        self.stderr, self.seconds, self.env, self.without, self.native = stderr, seconds, env or {}, without, native
        self.npm = npm or {}


def as_bytes(text):
    return text if isinstance(text, bytes) else text.encode()


def script(name, program, text, args=(), **kw):
    """A case whose program reads `text` as its script from standard input."""
    return Case(name, program, args, stdin=text, **kw)
