"""Programs out of the sysroots, as commands: native (amd64 packages) and guest (packages of riscv64, arm64, ...).

Used by tests/bench and tests/real. A Command is argv plus environment; native programs run either inside a
chroot of their own namespace (exact, children included) or, where that is not allowed, through the sysroot's
own dynamic loader (children would then be the machine's programs).
"""
import ctypes
import importlib.machinery
import importlib.util
import json
import os
import shlex
import stat
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
TOP = os.path.dirname(os.path.dirname(HERE))
SKIP = 77
TRIPLET = {"riscv64": "riscv64-linux-gnu", "arm64": "aarch64-linux-gnu", "armhf": "arm-linux-gnueabihf",
           "armel": "arm-linux-gnueabi", "amd64": "x86_64-linux-gnu", "i386": "i386-linux-gnu"}  # of a guest


def need_payload(why):
    """A payload is missing: a failure where payloads are required, a loud skip elsewhere."""
    required = os.environ.get("TINAMOU_REQUIRE_PAYLOADS") == "1"
    print("%s: %s" % ("FAIL (payload required)" if required else "SKIP", why), file=sys.stderr)
    if not required and "--tap" in sys.argv: # there a skip is a plan
        print("1..0 # SKIP " + why.splitlines()[0])
        sys.exit(0)
    sys.exit(1 if required else SKIP)


def release_of(root):
    """What a root was taken from in trixie's stead (its folder is ARCH-RELEASE then), or None."""
    name = os.path.basename(os.path.dirname(root))
    return name.rsplit("-", 1)[1] if "-" in name else None


def fetch(arch, set_name, into=None, like=None):
    """The root with that package set, or an exit by need_payload(). like: another root, whose release it has to be."""
    release = release_of(like) if like else None
    if release:
        into = "%s-%s" % (arch, release)
    argv = [os.path.join(HERE, "fetch"), arch, "--set", set_name] + (["--into", into] if into else [])
    argv += ["--suite", release] if release else []
    result = subprocess.run(argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    if result.returncode:
        need_payload("no %s packages (%s): %s" % (set_name, arch, result.stderr.strip()))
    return result.stdout.strip()


def npm_package(root, package, name):
    """Unpacks a package of the npm registry, "NAME@VERSION", as the root's /opt/NAME, by the machine's own npm. None, or why it is not there."""
    goal, version = os.path.join(root, "opt", name), package.rpartition("@")[2]
    if os.path.isdir(goal):
        there = json.load(open(os.path.join(goal, "package.json")))["version"]
        return None if there == version else "%s has version %s, not %s: remove it" % (goal, there, version)
    os.makedirs(os.path.dirname(goal), exist_ok=True)
    with tempfile.TemporaryDirectory(dir=os.path.dirname(goal)) as work:
        try:
            subprocess.run(["npm", "pack", "--silent", package], cwd=work, check=True, stdin=subprocess.DEVNULL, capture_output=True, text=True)
            subprocess.run(["tar", "xf", os.listdir(work)[0]], cwd=work, check=True)
            os.rename(os.path.join(work, "package"), goal)
        except OSError as error: # no npm; or another run was first
            return None if os.path.isdir(goal) else "no package %s: %s" % (package, error)
        except subprocess.CalledProcessError as failed:
            return "no package %s: %s" % (package, failed.stderr)
    return None


def load_tool():
    """The program behind `tinamou --sysroot` as a module."""
    path = os.path.join(TOP, "linux-user/tools/tinamou-sysroot")
    loader = importlib.machinery.SourceFileLoader("tinamou_sysroot", path)
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader(loader.name, loader))
    loader.exec_module(module)
    return module


def find_tinamou():
    """The emulator under test: $TINAMOU, or the build's binary."""
    given = os.environ.get("TINAMOU")
    if given:
        return shlex.split(given)
    for path in ("build/linux-user/tinamou", "build/tinamou"):
        path = os.path.join(TOP, path)
        if os.access(path, os.X_OK):
            return [path]
    sys.exit("no tinamou: build it (ninja -C build) or set TINAMOU")


def base_environment():
    """The same small environment for everybody: nothing of the caller's may leak into outputs."""
    return {"PATH": "/usr/bin:/bin:/usr/sbin:/sbin", "LC_ALL": "C.UTF-8", "HOME": "/nonexistent", "TZ": "UTC0",
            "PYTHONHASHSEED": "0", "PYTHONDONTWRITEBYTECODE": "1", "PERL_HASH_SEED": "0",
            **{k: v for k, v in os.environ.items() if k == "TINAMOU_TRANSLATIONS"}}  # where ours keeps translations: in files of its own


def guest_argv(emulator, root, program, args):
    return emulator + ["-L", root, os.path.join(root, program.lstrip("/"))] + args


def loader_argv(root, program, args):
    lib = os.path.join(root, "usr/lib/x86_64-linux-gnu")
    paths = ":".join([lib, lib + "/blas", lib + "/lapack", lib + "/perl-base"])
    return [os.path.join(lib, "ld-linux-x86-64.so.2"), "--library-path", paths,
            "--argv0", program, os.path.join(root, program.lstrip("/"))] + args


def loader_environment(root):
    lib = os.path.join(root, "usr/lib/x86_64-linux-gnu")
    env = base_environment()
    env["PYTHONHOME"] = os.path.join(root, "usr")
    perl = [os.path.join(base, "perl" + tail) for base, tail in
            ((lib, "-base"), (lib, "/5.40"), (os.path.join(root, "usr/share"), "/5.40"))]
    env["PERL5LIB"] = ":".join(perl)
    return env


CLONE_NEWNS, CLONE_NEWUSER = 0x20000, 0x10000000
MS_BIND, MS_REC, MS_PRIVATE, MNT_DETACH = 4096, 16384, 1 << 18, 2
SYS_PIVOT_ROOT = 155  # of x86-64, which has no function for it


def enter_chroot(root, cwd, mode="namespace"):
    """Runs in a forked child: the root becomes /, with /proc and /dev, in a private mount namespace. Raises OSError.

    By pivot_root: a process in a chroot is not allowed to make user namespaces.
    Mode "plain", for root in containers that may not mount: no /proc, and device nodes made by make_devices().
    """
    libc = ctypes.CDLL(None, use_errno=True)

    def check(result):
        if result != 0:
            raise OSError(ctypes.get_errno(), "cannot enter a chroot")

    if mode == "namespace":
        uid, gid = os.getuid(), os.getgid()
        check(libc.unshare(CLONE_NEWNS if uid == 0 else CLONE_NEWNS | CLONE_NEWUSER))
        if uid != 0:
            for name, text in (("setgroups", "deny"), ("uid_map", "%d %d 1" % (uid, uid)),
                               ("gid_map", "%d %d 1" % (gid, gid))):
                with open("/proc/self/" + name, "w") as f:
                    f.write(text)
        check(libc.mount(b"none", b"/", None, MS_REC | MS_PRIVATE, None))
        check(libc.mount(root.encode(), root.encode(), None, MS_BIND | MS_REC, None))
        for name in ("proc", "dev"):
            check(libc.mount(b"/" + name.encode(), os.path.join(root, name).encode(), None, MS_BIND | MS_REC, None))
        os.chdir(root)
        check(libc.syscall(SYS_PIVOT_ROOT, b".", b"."))
        check(libc.umount2(b".", MNT_DETACH))
    else:
        os.chroot(root)
    os.chdir(cwd)
    if mode == "plain":
        os.close(os.open("/dev/null", os.O_RDWR))


def make_devices(root):
    for name, minor in (("null", 3), ("zero", 5), ("urandom", 9)):
        path = os.path.join(root, "dev", name)
        try:
            if not os.path.exists(path):
                os.mknod(path, stat.S_IFCHR | 0o666, os.makedev(1, minor))
                os.chmod(path, 0o666)
        except OSError:
            pass


def chroot_mode(root):
    """How native programs can run: "namespace", "plain" or None (only through the loader)."""
    for mode in ("namespace", "plain"):
        if mode == "plain":
            make_devices(root)
        pid = os.fork()
        if pid == 0:
            try:
                enter_chroot(root, "/", mode)
                os._exit(0)
            except OSError:
                os._exit(1)
        if os.waitpid(pid, 0)[1] == 0:
            return mode
    return None
