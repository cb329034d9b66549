"""A guest that works on a disk and, by TFTP, on a network, and counts its rounds on the console; each round checks what it wrote and
fetched. For machines that are moved meanwhile."""
import glob
import hashlib
import lzma
import random
import re

import cpio
from x86_payload import payload

INIT = '''#!/bin/sh
/bin/busybox --install -s /bin
mount -t proc p /proc; mount -t sysfs s /sys; mount -t devtmpfs d /dev; mount -t tmpfs t /tmp
echo EARLY
for m in $(cat /mod/order); do insmod /mod/$m.ko; done
while [ ! -b /dev/vda ]; do sleep 0.1; done
while [ ! -e /sys/class/net/eth0 ]; do sleep 0.1; done
ip link set eth0 up; ip addr add 10.0.2.15/24 dev eth0
i=0
while :; do
    dd if=/dev/urandom of=/tmp/a bs=64k count=8 2>/dev/null
    dd if=/tmp/a of=/dev/vda bs=64k seek=$((i % 16 * 8)) conv=notrunc,fsync 2>/dev/null
    echo 3 > /proc/sys/vm/drop_caches
    dd if=/dev/vda of=/tmp/b bs=64k skip=$((i % 16 * 8)) count=8 2>/dev/null
    rm -f /tmp/file
    while ! tftp -g -r file -l /tmp/file 10.0.2.2 2>/dev/null; do :; done
    ok=bad; cmp /tmp/a /tmp/b && [ "$(md5sum < /tmp/file)" = "$(cat /mod/sum)" ] && ok=ok
    awk 'BEGIN { s = 0; for (k = 1; k < 300; k++) s += k / 7; if (sprintf("%.6f", s) != "SUM") print "FLOAT-BAD" }'
    echo "ROUND $i $ok"; i=$((i + 1))
done
'''.replace('SUM', '%.6f' % sum(k / 7 for k in range(1, 300)))
COMPLAINTS = ['BUG:', 'WARNING:', 'Oops', 'segfault', 'rcu_sched', 'rcu_preempt self-detected', 'soft lockup', 'Kernel panic', 'I/O error', 'FLOAT-BAD']
TFTP = random.Random(5).randbytes(40000)


NAMES = 'virtio_ring virtio virtio_mmio virtio_pci_legacy_dev virtio_pci_modern_dev virtio_pci virtio_blk failover net_failover virtio_net'.split()


def sum_entry():
    """What the guest compares the file with."""
    return ('mod/sum', 0o100644, b'%s  -' % hashlib.md5(TFTP).hexdigest().encode())


def pc_modules(wanted):
    entries, order = [('mod', 0o40755, b'')], []
    base = payload() + '/lib/modules'
    for name in wanted:
        for path in glob.glob(base + '/**/%s.ko*' % name, recursive=True):
            with (lzma.open if path.endswith('.xz') else open)(path, 'rb') as f:
                entries.append(('mod/%s.ko' % name, 0o100644, f.read()))
            order.append(name)
    return entries + [('mod/order', 0o100644, ' '.join(order).encode())]


def pc_initrd():
    with open(payload() + '/bin/busybox', 'rb') as f:
        busybox = f.read()
    return cpio.archive([(d, 0o40755, b'') for d in ('bin', 'proc', 'sys', 'dev', 'tmp')] + [
        ('bin/busybox', 0o100755, busybox), ('bin/sh', 0o120777, b'busybox'), ('init', 0o100755, INIT.encode())] + pc_modules(NAMES) + [sum_entry()])


class Failure(Exception):
    pass


def must(cond, what):
    if not cond:
        raise Failure(what)


def check_line(text, number):
    """One line of the console: the number of the round that comes next."""
    for c in COMPLAINTS:
        must(c not in text, 'the guest complains: ' + text)
    found = re.search(r'ROUND (\d+) (\w+)', text)
    if not found:
        return number
    must(found.group(2) == 'ok', 'round: ' + text)
    must(int(found.group(1)) == number, 'round %s instead of %d' % (found.group(1), number))
    return number + 1
