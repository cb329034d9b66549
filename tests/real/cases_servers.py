"""Servers with their clients, on loopback and sockets of the working folder: nginx with curl, sshd, redis, python's."""
from case import Case


def serves(name, text, **kw):
    return Case(name, "usr/bin/dash", ["-s"], stdin=text, **dict({"pool": "list", "seconds": 600, "children": True, "native": 0}, **kw))


# Who is root is known to a library that goes first: the root has no list of users.
USERS = r"""
printf 'root:x:0:0:root:/:/usr/bin/dash\nnobody:x:65534:65534:n:/:/usr/bin/dash\nwww:x:33:33:w:/:/usr/bin/dash\nsshd:x:100:65534:s:/:/usr/bin/dash\n' > passwd
printf 'root:x:0:\nnogroup:x:65534:\nwww:x:33:\n' > group
export LD_PRELOAD=libnss_wrapper.so NSS_WRAPPER_PASSWD=$PWD/passwd NSS_WRAPPER_GROUP=$PWD/group HOME=$PWD
"""
NGINX = USERS + r"""
chmod 755 .; mkdir -p html/d logs tmp; echo index > html/index.html; seq 200000 > html/big; head -c 3000000 /dev/zero | tr '\0' 'x' > html/d/zeros; chmod -R a+rX html; chmod 777 tmp
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout key -out cert -days 30 -subj /CN=localhost 2> /dev/null
for try in 1 2 3 4 5 6 7 8; do
    port=$((20000 + ($$ * 16 + try * 2) % 20000))
    cat > conf <<E
user www www; worker_processes 2; pid $PWD/pid; error_log $PWD/logs/error; events { worker_connections 256; }
http { types { text/plain txt; } default_type text/plain; sendfile on; tcp_nopush on; gzip on; gzip_types text/plain; gzip_min_length 10; access_log $PWD/logs/access;
  client_body_temp_path $PWD/tmp/b; proxy_temp_path $PWD/tmp/p; fastcgi_temp_path $PWD/tmp/f; uwsgi_temp_path $PWD/tmp/u; scgi_temp_path $PWD/tmp/s;
  upstream back { server unix:$PWD/sock; keepalive 4; }
  server { listen unix:$PWD/sock; root $PWD/html; location = /who { return 200 "back \$http_x\n"; } }
  server { listen 127.0.0.1:$port; listen 127.0.0.1:$((port + 1)) ssl; http2 on; ssl_certificate $PWD/cert; ssl_certificate_key $PWD/key; root $PWD/html; autoindex on;
    location /p/ { proxy_pass http://back/; proxy_set_header X "\$request_method"; proxy_http_version 1.1; proxy_set_header Connection ""; } location /no { deny all; } } }
E
    nginx -p $PWD -c $PWD/conf -e $PWD/logs/error 2> err && break
done
c="curl -sS --max-time 100"; u=http://127.0.0.1:$port; s=https://127.0.0.1:$((port + 1))
$c $u/; $c $u/big | sha256sum; $c --compressed $u/big | sha256sum; $c -r 100-120 $u/big; $c -o /dev/null -w '%{http_code}\n' $u/none; $c -o /dev/null -w '%{http_code}\n' $u/no
$c -k $s/d/zeros | sha256sum; $c -k --http2 -o /dev/null -w '%{http_version} %{size_download}\n' $s/big $s/index.html; $c $u/p/who; $c -X POST -d @html/big -o /dev/null -w '%{http_code}\n' $u/p/big
for i in $(seq 6); do $c $u/big $u/p/big $u/index.html | sha256sum & done; wait
$c -k -Z --parallel-max 8 "$s/big?[1-20]" | wc -c
old=$(cat pid); nginx -p $PWD -c $PWD/conf -s reload 2> err; sleep 1; $c $u/p/who; nginx -p $PWD -c $PWD/conf -s quit 2> err
n=0; while [ -e pid ] && [ $n -lt 100 ]; do n=$((n + 1)); sleep 0.1; done
wc -l < logs/access; grep -c 'emerg\|alert\|crit' logs/error; rm -rf *
"""
SSHD = USERS + r"""
PATH=/usr/sbin:$PATH; chmod 700 .; mkdir -p /run/sshd
ssh-keygen -q -t ed25519 -N '' -f host; ssh-keygen -q -t rsa -b 2048 -N '' -f host2; ssh-keygen -q -t ed25519 -N '' -f id; ssh-keygen -q -t ecdsa -N '' -f id2; cat id.pub id2.pub > keys; chmod 600 keys
for try in 1 2 3 4 5 6 7 8; do
    port=$((20000 + ($$ * 8 + try) % 20000))
    printf '%s\n' "Port $port" "ListenAddress 127.0.0.1" "HostKey $PWD/host" "HostKey $PWD/host2" "AuthorizedKeysFile $PWD/keys" "PidFile $PWD/pid" "StrictModes no" \
        "UsePAM no" "PermitRootLogin yes" "SetEnv LD_PRELOAD=$LD_PRELOAD NSS_WRAPPER_PASSWD=$PWD/passwd NSS_WRAPPER_GROUP=$PWD/group" "Subsystem sftp internal-sftp" > conf
    /usr/sbin/sshd -f $PWD/conf -E $PWD/log && sleep 1 && [ -e pid ] && break
done
o="-F none -p $port -o StrictHostKeyChecking=no -o UserKnownHostsFile=$PWD/known -o IdentitiesOnly=yes -o LogLevel=ERROR"
ssh $o -i id root@127.0.0.1 'echo one; exit 3'; echo $?
seq 100000 | ssh $o -i id2 -C root@127.0.0.1 'sha256sum; id -u'
ssh $o -i id -tt root@127.0.0.1 'tty > /dev/null && echo terminal; stty size' < /dev/null | tr -d '\r'
for c in aes128-ctr aes256-gcm@openssh.com chacha20-poly1305@openssh.com; do ssh $o -i id -c $c root@127.0.0.1 "seq 30000 | sha256sum"; done
for k in curve25519-sha256 ecdh-sha2-nistp256 mlkem768x25519-sha256; do ssh $o -i id -o KexAlgorithms=$k -o HostKeyAlgorithms=ssh-ed25519,rsa-sha2-512 root@127.0.0.1 "echo kex $k"; done
seq 5000 > data; printf 'put %s/data %s/data2\nls -1 %s/data2\n' $PWD $PWD $PWD | sftp -q -F none -P $port -o StrictHostKeyChecking=no -o UserKnownHostsFile=$PWD/known -i id -b - root@127.0.0.1 > out 2>&1; cmp data data2 && echo same
ssh-agent dash -c "ssh-add -q id; ssh $o -i id -A root@127.0.0.1 'ssh-add -l | wc -l'"
ssh $o -i id -N -f -o ControlMaster=yes -o ControlPath=$PWD/ctl -L $PWD/fwd:$PWD/back root@127.0.0.1; for i in 1 2 3; do ssh $o -o ControlPath=$PWD/ctl root@127.0.0.1 "echo shared $i"; done; ssh $o -o ControlPath=$PWD/ctl -O exit root@127.0.0.1 2> /dev/null
ssh $o -i host root@127.0.0.1 true 2> err; echo $?; kill $(cat pid); grep -ciE 'fatal|violation|bad system call' log; [ -n "$SHOW" ] && cat log err out; rm -rf *
"""
PY_SERVER = r"""
python3 - <<'E'
import asyncio, concurrent.futures, http.server, multiprocessing, os, signal, socket, socketserver, ssl, subprocess, threading, urllib.request
class H(http.server.BaseHTTPRequestHandler):
    def do_GET(self): b = (self.path * 5000).encode(); self.send_response(200); self.send_header("Content-Length", len(b)); self.end_headers(); self.wfile.write(b)
    def log_message(self, *a): pass
s = http.server.ThreadingHTTPServer(("127.0.0.1", 0), H); threading.Thread(target=s.serve_forever, daemon=True).start()
with concurrent.futures.ThreadPoolExecutor(8) as p: print(sum(len(x) for x in p.map(lambda i: urllib.request.urlopen("http://127.0.0.1:%d/%d" % (s.server_port, i)).read(), range(60))))
async def main():
    async def echo(r, w):
        while d := await r.read(65536): w.write(d); await w.drain()
        w.close()
    srv = await asyncio.start_server(echo, "127.0.0.1", 0); port = srv.sockets[0].getsockname()[1]
    async def one(i):
        r, w = await asyncio.open_connection("127.0.0.1", port); w.write(b"%d" % i * 20000); w.write_eof(); d = await r.read(); w.close(); return len(d)
    print(sum(await asyncio.gather(*map(one, range(40)))))
    p = await asyncio.create_subprocess_exec("/usr/bin/dash", "-c", "cat; exit 9", stdin=-1, stdout=-1); o, _ = await p.communicate(b"x" * 300000); print(len(o), p.returncode)
    loop = asyncio.get_running_loop(); f = loop.create_future(); loop.add_signal_handler(signal.SIGUSR1, f.set_result, 5); os.kill(os.getpid(), signal.SIGUSR1); print(await f)
asyncio.run(main())
def work(i): return i * i % 97
for m in ("fork", "spawn", "forkserver"):
    if m == "fork" or __name__ != "__main__": print(m, sum(multiprocessing.get_context(m).Pool(3).map(work, range(500))))
a, b = socket.socketpair(); r, w = os.pipe(); socket.send_fds(a, [b"fd"], [w]); m, f, *_ = socket.recv_fds(b, 9, 1); os.write(f[0], b"passed"); print(os.read(r, 9))
E
"""
CASES = [
    serves("nginx-curl", NGINX),
    serves("sshd-loopback", SSHD),
    serves("python-servers", PY_SERVER, stderr=False),
]
