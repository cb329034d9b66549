"""Name spaces made by guests: unshare, bubblewrap, systemd-nspawn, payloads inside of them; buildah, which makes images in chroots."""
from case import Case


def boxed(name, text, **kw):
    return Case(name, "usr/bin/dash", ["-s"], stdin=text, **dict({"pool": "list", "seconds": 300, "children": True, "native": 0}, **kw))


UNSHARE = r"""
unshare -Urmpf dash -c 'echo $$; id -u; mkdir m; mount -t tmpfs none m && echo x > m/f && cat m/f; mount -t proc none /proc && ls /proc | grep -c "^[0-9]"; cat /proc/self/uid_map | tr -s " "; cat /proc/1/comm; sleep 100 & kill $!; wait $!; echo $?'; echo $?
ls m | wc -l; rmdir m
unshare -Ur --uts dash -c 'hostname inside; hostname'; unshare -Urn dash -c 'cat /proc/net/dev | wc -l'; unshare -Uri dash -c 'cat /proc/sysvipc/shm | wc -l'
unshare -Urmpf --mount-proc --kill-child python3 -c 'import os, subprocess; print(os.getpid(), os.getppid(), subprocess.check_output(["dash", "-c", "echo $PPID"]), len([p for p in os.listdir("/proc") if p.isdigit()]))'
unshare -UrmC dash -c 'cat /proc/self/cgroup | cut -c1-4'; unshare -Urm --propagation slave dash -c 'mkdir -p d; mount --bind /usr d; ls -d d/bin; umount d; rmdir d'
unshare -UrT --boottime 1000000 dash -c 'read a b < /proc/uptime; echo ${#a}'
mkdir m; unshare -Urmpf dash -c 'mount --rbind / m; cd m; mkdir tmp/old; pivot_root . tmp/old && cd / && umount -l tmp/old && ls / | grep -c usr; rmdir tmp/old'
rmdir m; unshare -Urmpf nsenter -t 1 -p true 2> /dev/null; echo $?; unshare -Ur setpriv --bounding-set -all --no-new-privs dash -c 'grep -E "NoNewPrivs|CapBnd" /proc/self/status'
unshare -Urmpf dash -c 'kill -9 $$; echo alive; exit 7'; echo $?
"""
BWRAP = r"""
b="bwrap --unshare-all --die-with-parent --ro-bind /usr /usr --symlink usr/bin /bin --symlink usr/lib /lib --symlink usr/lib64 /lib64 --proc /proc --dev /dev --tmpfs /tmp"
$b dash -c 'ls /; echo $$; touch /usr/x 2> /dev/null; echo $?; id -u; echo t > /tmp/t; cat /tmp/t; ls /proc | grep -c "^[0-9]"; exit 4'; echo $?
$b --uid 77 --gid 88 --hostname box dash -c 'id -u; id -g; hostname'
$b --bind . /work --chdir /work dash -c 'echo made > f; pwd'; cat f; rm f
echo data | $b --file 0 /etc/some cat /etc/some
$b --cap-drop ALL --new-session dash -c 'grep CapEff /proc/self/status'; $b --setenv A b --unsetenv PATH --clearenv /usr/bin/env | sort
$b python3 -c 'import threading, subprocess, os; t = [threading.Thread(target=lambda: subprocess.run(["/usr/bin/dash", "-c", "exit 0"])) for i in range(5)]; [x.start() for x in t]; [x.join() for x in t]; print(os.getpid() > 1, sorted(os.listdir("/")))'
$b --unshare-user --disable-userns dash -c 'unshare -Ur true 2> /dev/null; echo $?'
$b --ro-bind / /mnt dash -c 'ls -d /mnt/usr'; $b --dev-bind /dev /dev --overlay-src /usr --tmp-overlay /o dash -c 'touch /o/x && ls -d /o/x /o/bin'; bwrap --bind / / --as-pid-1 --unshare-pid dash -c 'echo $$'
$b --info-fd 3 --json-status-fd 4 dash -c 'exit 3' 3> i 4> j; echo $?; grep -c child-pid i; grep -o 'exit-code. *: *3' j; rm i j
"""
# Needs root, and a machine that lets it.
NSPAWN = r"""
mkdir -p r/usr r/etc r/run r/tmp r/dev r/proc r/sys r/var; ln -s usr/bin r/bin; ln -s usr/lib r/lib; [ -d /usr/lib64 ] && ln -s usr/lib64 r/lib64; ln -s usr/sbin r/sbin
echo 'ID=x' > r/etc/os-release; mkdir -p /sys; mount -t sysfs sysfs /sys; mount -t cgroup2 cgroup2 /sys/fs/cgroup; mount -t tmpfs tmpfs /run
[ -s /etc/machine-id ] || { echo 0123456789abcdef0123456789abcdef > id; touch /etc/machine-id; mount --bind id /etc/machine-id; }
systemd-nspawn -q --register=no --keep-unit -D r --bind-ro=/usr --as-pid2 --pipe --resolv-conf=off --timezone=off --machine=box dash -c 'echo $$; hostname; id -u; ls /proc | grep -c "^[0-9]"; exit 6' < /dev/null 2> err; s=$?; echo $s; [ $s = 6 ] || cat err
umount -R r/usr 2> /dev/null; rm -rf r err id 2> /dev/null; :
"""
# The root has no list of users and no policy of its own; limits are those that any machine allows.
BUILDAH = r"""
printf 'root:x:0:0:root:/:/usr/bin/dash\n' > passwd; printf 'root:x:0:\n' > group
export LD_PRELOAD=libnss_wrapper.so NSS_WRAPPER_PASSWD=$PWD/passwd NSS_WRAPPER_GROUP=$PWD/group
export HOME=$PWD/home XDG_RUNTIME_DIR=$PWD/run STORAGE_DRIVER=vfs BUILDAH_ISOLATION=chroot TMPDIR=$PWD/home CONTAINERS_CONF=$PWD/conf
mkdir -p home/.config/containers run store; printf '{"default":[{"type":"insecureAcceptAnything"}]}' > home/.config/containers/policy.json
printf '[containers]\ndefault_ulimits = ["nofile=1024:4096", "nproc=500:1000"]\n' > conf
mkdir -p base/usr/bin base/etc; cp /usr/bin/busybox base/usr/bin; for i in sh cat echo sha256sum seq wc id mkdir; do ln -s busybox base/usr/bin/$i; done
ln -s usr/bin base/bin; cp passwd group base/etc
b="buildah --root $PWD/store --runroot $PWD/run"
c=$($b from scratch); $b add -q $c base / > /dev/null; $b config --env A=b --workingdir /w $c; $b run $c -- sh -c 'echo $A; pwd; id -u; exit 5'; echo $?
$b commit -q $c base > /dev/null; $b rm $c > /dev/null
mkdir ctx; seq 1000 > ctx/data
cat > ctx/Dockerfile <<'E'
FROM localhost/base AS build
WORKDIR /src
COPY data .
RUN seq 5000 | sha256sum > sum && mkdir -p out && cat data sum > out/all
FROM localhost/base
ARG V=1
COPY --from=build /src/out/all /all
RUN echo $V > /v; wc -l < /all
CMD ["/bin/cat", "/v"]
E
$b bud -q --pull=never --network=host --build-arg V=7 -t two ctx > id; echo $?; wc -c < id
c=$($b from --pull=never two); $b run $c -- sh -c 'cat /v; sha256sum < /all'; echo $?; $b inspect --format '{{.OCIv1.Config.Cmd}}' $c; echo
$b images --format '{{.Name}}' | sort; $b rm -a > /dev/null; $b rmi -af > /dev/null 2>&1; echo $?; rm -rf *
"""
CASES = [
    boxed("unshare-all", UNSHARE),
    boxed("bwrap-boxes", BWRAP),
    boxed("nspawn-payload", NSPAWN),
    boxed("buildah-stages", BUILDAH),
]
