/* A tiny virtual machine by /dev/kvm, for RISC-V Linux: runs in a machine's initial file system. The
 * guest runs with page tables of its own, reaches devices (which are this program), sleeps until its
 * timer, and powers off. Prints KVM-OK when all of that was seen, in this order. Linux's KVM API document
 * has the calls. */
#include <fcntl.h>
#include <linux/kvm.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>

enum { RAM = 0x80000000, RAM_BYTES = 2 << 20, TABLE = 0x100000, DEVICE = 0x10000000, LOOPS = 20000 };

/* The guest's program, of any place. a0: its page table's satp. */
__asm__(".section .rodata\n.align 2\n.globl guest_begin, guest_end\n"
        "guest_begin:\n"
        "  csrw satp, a0\n  sfence.vma\n"
        "  li s0, 0x10000000\n"
        "  lla t0, on_trap\n  csrw stvec, t0\n"
        "  li t1, 65\n  sb t1, 0(s0)\n"             /* 'A' */
        "  lw t2, 4(s0)\n  addi t2, t2, 1\n  sw t2, 8(s0)\n"
        "  li s1, 0\n  li t3, 20000\n  lla t4, counter\n"
        "1: addi s1, s1, 1\n  sd s1, 0(t4)\n  ld t5, 0(t4)\n  bne t5, s1, 2f\n  bltu s1, t3, 1b\n"
        "  sw s1, 12(s0)\n"
        "2: li t0, 32\n  csrw sie, t0\n"
        "  rdtime a0\n  li t0, 100000\n  add a0, a0, t0\n  mv s2, a0\n"
        "  li a7, 0x54494d45\n  li a6, 0\n  ecall\n"  /* timer: set */
        "  csrsi sstatus, 2\n"
        "3: wfi\n  j 3b\n"
        ".align 2\n"
        "on_trap:\n"
        "  csrr t0, scause\n  sd t0, 16(s0)\n"
        "  rdtime t1\n  sltu t1, t1, s2\n  sw t1, 24(s0)\n" /* not too early? */
        "  li a7, 0x53525354\n  li a6, 0\n  li a0, 0\n  li a1, 0\n  ecall\n" /* system reset: shutdown */
        "  j on_trap\n"
        ".align 3\ncounter: .quad 0\n"
        "guest_end:\n.text\n");
extern const char guest_begin[], guest_end[];

static int vcpu;

static void fail(const char *what)
{
    perror(what);
    exit(1);
}

static void set_reg(uint64_t id, uint64_t v)
{
    struct kvm_one_reg r = {.id = id, .addr = (uint64_t)(uintptr_t)&v};
    if (ioctl(vcpu, KVM_SET_ONE_REG, &r))
        fail("KVM_SET_ONE_REG");
}

#define CORE(field) \
    (KVM_REG_RISCV | KVM_REG_SIZE_U64 | KVM_REG_RISCV_CORE | \
     offsetof(struct kvm_riscv_core, field) / sizeof(unsigned long))

/* Is this the access that comes next? A load is answered. */
static int expected(struct kvm_run *run, unsigned step)
{
    static const struct {
        uint64_t at, value;
        unsigned bytes, store;
    } steps[] = {{0, 'A', 1, 1}, {4, 41, 4, 0}, {8, 42, 4, 1}, {12, LOOPS, 4, 1},
                 {16, 1ull << 63 | 5, 8, 1}, {24, 0, 4, 1}};
    uint64_t v = 0;
    if (step >= sizeof(steps) / sizeof(steps[0]) || run->mmio.phys_addr != DEVICE + steps[step].at ||
        run->mmio.len != steps[step].bytes || run->mmio.is_write != steps[step].store)
        return 0;
    if (!steps[step].store) {
        memcpy(run->mmio.data, &steps[step].value, steps[step].bytes);
        return 1;
    }
    memcpy(&v, run->mmio.data, run->mmio.len);
    return v == steps[step].value;
}

static unsigned run_guest(struct kvm_run *run)
{
    for (unsigned step = 0;; step++) {
        if (ioctl(vcpu, KVM_RUN, 0))
            fail("KVM_RUN");
        if (run->exit_reason == KVM_EXIT_SYSTEM_EVENT && run->system_event.type == KVM_SYSTEM_EVENT_SHUTDOWN)
            return step;
        if (run->exit_reason != KVM_EXIT_MMIO || !expected(run, step)) {
            printf("KVM: step %u, exit %u, at %llx of %u bytes\n", step, run->exit_reason,
                   (unsigned long long)run->mmio.phys_addr, run->mmio.len);
            exit(1);
        }
    }
}

int main(void)
{
    int kvm = open("/dev/kvm", O_RDWR);
    if (kvm < 0)
        fail("/dev/kvm");
    int vm = ioctl(kvm, KVM_CREATE_VM, 0), size = ioctl(kvm, KVM_GET_VCPU_MMAP_SIZE, 0);
    char *ram = mmap(NULL, RAM_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (vm < 0 || ram == MAP_FAILED)
        fail("KVM_CREATE_VM");
    struct kvm_userspace_memory_region m = {.guest_phys_addr = RAM, .memory_size = RAM_BYTES,
                                            .userspace_addr = (uint64_t)(uintptr_t)ram};
    if (ioctl(vm, KVM_SET_USER_MEMORY_REGION, &m))
        fail("KVM_SET_USER_MEMORY_REGION");
    vcpu = ioctl(vm, KVM_CREATE_VCPU, 0);
    struct kvm_run *run = mmap(NULL, (size_t)size, PROT_READ | PROT_WRITE, MAP_SHARED, vcpu, 0);
    if (vcpu < 0 || run == MAP_FAILED)
        fail("KVM_CREATE_VCPU");
    memcpy(ram, guest_begin, (size_t)(guest_end - guest_begin));
    uint64_t *table = (uint64_t *)(ram + TABLE); /* 1 GiB each: devices, RAM */
    table[0] = 0xc7;
    table[2] = (uint64_t)RAM >> 12 << 10 | 0xcf;
    set_reg(CORE(regs.pc), RAM);
    set_reg(CORE(regs.a0), 8ull << 60 | ((uint64_t)RAM + TABLE) >> 12);
    set_reg(CORE(mode), 1);
    unsigned steps = run_guest(run);
    printf("KVM-%s %u\n", steps == 6 ? "OK" : "BAD", steps);
    return 0;
}
