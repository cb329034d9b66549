"""A Debian system as an ext4 image, made without root and without running anything of the guest: packages are unpacked and
noted as such in dpkg's database, and the guest configures them when it first starts, by /first-boot.
"""
import gzip
import hashlib
import os
import shutil
import subprocess

import boot_lib

PASSWORD = 'tinamou'
# Before all others: maintainer scripts count on these.
FIRST = 'base-passwd base-files libc6 libc-bin dash perl-base debconf dpkg passwd'

FIRST_BOOT = """#!/bin/sh
export PATH=/usr/sbin:/usr/bin HOME=/root LC_ALL=C DEBIAN_FRONTEND=noninteractive DEBCONF_NONINTERACTIVE_SEEN=true
mount -t proc proc /proc
mount -t sysfs sys /sys
mkdir -p /dev/pts
mount -t devpts devpts /dev/pts
mount -t tmpfs run /run
for p in %(first)s; do dpkg --force-depends --configure $p; done
dpkg --configure -a || echo CONFIGURE-FAILED
echo root:%(password)s | chpasswd
systemctl enable systemd-networkd.service
dpkg --audit
echo INSTALLED $(dpkg-query -W -f '${db:Status-Abbrev}\\n' | grep -c '^ii') of %(packages)d
sync
umount /run
mount -o remount,ro /
echo FIRST-BOOT-OK
exec systemctl poweroff -ff
"""

FILES = {
    'etc/hostname': 'tinamou\n',
    'etc/hosts': '127.0.0.1 localhost tinamou\n',
    'etc/resolv.conf': 'nameserver 10.0.2.3\n',
    'etc/systemd/network/80-all.network': '[Match]\nName=e*\n[Network]\nDHCP=ipv4\n',
}


def archives(guest):
    """Those of the system, those to be installed later, as paths of .deb files."""
    names = ['--into', 'debian-' + guest, guest, '--set', 'debian', '--set', 'debian-more']
    done = subprocess.run([os.path.join(boot_lib.ROOT, 'tests/sysroot/fetch')] + names, capture_output=True, text=True)
    if done.returncode:
        raise boot_lib.Missing('%s system: %s' % (guest, done.stderr.strip().split('\n')[-1]))
    folder = os.path.join(os.path.dirname(done.stdout.strip().split('\n')[-1]), 'apt/archives')
    # One file of each package: an old point release may lie beside the new one.
    newest = {}
    for name in sorted((n for n in os.listdir(folder) if n.endswith('.deb')),
                       key=lambda n: os.path.getmtime(os.path.join(folder, n))):
        newest[name.split('_')[0]] = os.path.join(folder, name)
    later = {'bc', 'hello', 'libreadline8t64', 'readline-common'}
    return ([p for n, p in sorted(newest.items()) if n not in later], [p for n, p in sorted(newest.items()) if n in later])


def output(*argv):
    return subprocess.run(argv, check=True, stdout=subprocess.PIPE).stdout


def unpack(deb, tree):
    tar = subprocess.Popen(['dpkg-deb', '--fsys-tarfile', deb], stdout=subprocess.PIPE)
    owner = '--same-owner' if os.getuid() == 0 else '--no-same-owner'
    subprocess.run(['tar', '-x', '-p', owner, '--numeric-owner', '--keep-directory-symlink', '-C', tree], check=True,
                   stdin=tar.stdout)
    tar.stdout.close()
    if tar.wait():
        raise boot_lib.Missing('cannot unpack ' + deb)


def note_unpacked(deb, tree, scratch):
    """The package's files below var/lib/dpkg, and its part of the status file."""
    control = os.path.join(scratch, 'control')
    shutil.rmtree(control, ignore_errors=True)
    subprocess.run(['dpkg-deb', '-e', deb, control], check=True)
    with open(os.path.join(control, 'control')) as f:
        lines = f.read().strip('\n').split('\n')
    fields = dict(line.split(': ', 1) for line in lines if ': ' in line and line[0] != ' ')
    name = fields['Package'] + (':' + fields['Architecture'] if fields.get('Multi-Arch') == 'same' else '')
    info = os.path.join(tree, 'var/lib/dpkg/info')
    for kind in os.listdir(control):
        if kind != 'control':
            shutil.copy(os.path.join(control, kind), os.path.join(info, '%s.%s' % (name, kind)))
    tar = subprocess.Popen(['dpkg-deb', '--fsys-tarfile', deb], stdout=subprocess.PIPE)
    listed = subprocess.run(['tar', '-t'], stdin=tar.stdout, stdout=subprocess.PIPE, check=True, text=True).stdout
    tar.wait()
    with open(os.path.join(info, name + '.list'), 'w') as f:
        for path in listed.split('\n'):
            if path:
                f.write('/' + path[2:].rstrip('/') + '\n' if path != './' else '/.\n')
    status = [lines[0], 'Status: install ok unpacked'] + lines[1:]
    conffiles = os.path.join(control, 'conffiles')
    if os.path.exists(conffiles):
        status.append('Conffiles:')
        for path in open(conffiles).read().split():
            at = os.path.join(tree, path.lstrip('/'))
            if os.path.exists(at):
                with open(at, 'rb') as f:
                    status.append(' %s %s' % (path, hashlib.md5(f.read()).hexdigest()))
    return '\n'.join(status) + '\n\n'


def write(tree, path, text, mode=0o644):
    path = os.path.join(tree, path)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, 'w') as f:
        f.write(text)
    os.chmod(path, mode)


def own_by_root(image, tree):
    """What an ordinary user unpacked is his own: not in the image."""
    commands = []
    for folder, folders, files in os.walk(tree):
        for name in folders + files:
            path = '/' + os.path.relpath(os.path.join(folder, name), tree)
            commands += ['sif "%s" uid 0' % path, 'sif "%s" gid 0' % path]
    subprocess.run(['debugfs', '-w', '-f', '-', image], input='\n'.join(commands).encode(), check=True,
                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def make(folder, guest, more_files=(), disk='/dev/vda'):
    """Path of a raw image below `folder`."""
    debs, _ = archives(guest)
    tree, image = os.path.join(folder, 'tree'), os.path.join(folder, 'debian.img')
    os.makedirs(tree)
    for deb in sorted(debs, key=lambda d: not os.path.basename(d).startswith('base-files_')):
        unpack(deb, tree)
    os.makedirs(os.path.join(tree, 'var/lib/dpkg/info'), exist_ok=True)
    write(tree, 'var/lib/dpkg/status', ''.join(note_unpacked(d, tree, folder) for d in debs))
    write(tree, 'var/lib/dpkg/available', '')
    write(tree, 'var/lib/dpkg/info/format', '1\n')
    for name in ('passwd', 'group'): # as the preinst of base-passwd does
        shutil.copy(os.path.join(tree, 'usr/share/base-passwd/%s.master' % name), os.path.join(tree, 'etc', name))
    os.symlink('mawk', os.path.join(tree, 'usr/bin/awk'))
    for path, text in list(FILES.items()) + [('etc/fstab', '%s / ext4 errors=remount-ro 0 1\n' % disk)] + list(more_files):
        write(tree, path, text)
    write(tree, 'first-boot', FIRST_BOOT % {'first': FIRST, 'password': PASSWORD, 'packages': len(debs)}, 0o755)
    subprocess.run(['truncate', '-s', '2G', image], check=True)
    subprocess.run(['mkfs.ext4', '-q', '-F', '-E', 'root_owner=0:0', '-d', tree, image], check=True)
    if os.getuid() != 0:
        own_by_root(image, tree)
    shutil.rmtree(tree)
    return image


def make_repository(folder, guest):
    """What apt-get of the guest finds by HTTP: the packages that are not in the system, and their index."""
    _, later = archives(guest)
    os.makedirs(folder)
    index = ''
    for deb in later:
        name = os.path.basename(deb).replace('%3a', '-')
        shutil.copy(deb, os.path.join(folder, name))
        with open(deb, 'rb') as f:
            content = f.read()
        index += output('dpkg-deb', '-f', deb).decode().rstrip('\n') + '\nFilename: ./%s\nSize: %d\nSHA256: %s\n\n' % (
            name, len(content), hashlib.sha256(content).hexdigest())
    with gzip.open(os.path.join(folder, 'Packages.gz'), 'wb') as f:
        f.write(index.encode())
