// Start-up: no C library, _exit(0) as the first and only act. Built with -nostdlib.
void _start(void)
{
#if defined(__riscv)
    __asm__ volatile("li a0, 0\n li a7, 93\n ecall");
#elif defined(__aarch64__)
    __asm__ volatile("mov x0, #0\n mov x8, #93\n svc #0");
#elif defined(__arm__)
    __asm__ volatile("mov r0, #0\n mov r7, #1\n svc #0");
#elif defined(__i386__)
    __asm__ volatile("xor %ebx, %ebx\n mov $1, %eax\n int $0x80");
#else
    __asm__ volatile("xor %edi, %edi\n mov $60, %eax\n syscall");
#endif
    __builtin_unreachable();
}
