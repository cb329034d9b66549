/*
 * ELF entry point of `tinamou`: keeps libc from using brk, then goes on at libc's own _start.
 *
 * A static-pie's brk lies where the guest's own programs load, and libc takes its first memory (TLS) from it before
 * main(). With a soft RLIMIT_DATA of 0 the kernel refuses brk, while private mappings stay possible up to the hard
 * limit (mm/ documents this for valgrind's sake; getrlimit(2), brk(2)); libc then falls back to mmap. main() puts
 * the limit back before the guest starts.
 */
    .text
    .globl lu_start
    .hidden lu_start
    .type lu_start, @function
lu_start:
    mov %rsp, %rbx
    mov %rdx, %rbp              /* the kernel's rdx belongs to _start */
    sub $16, %rsp
    mov %rsp, %r10              /* prlimit64(0, RLIMIT_DATA, NULL, &old) */
    xor %edx, %edx
    mov $2, %esi
    xor %edi, %edi
    mov $302, %eax
    syscall
    test %rax, %rax
    jnz 1f
    mov (%rsp), %rax
    mov %rax, lu_old_data_limit(%rip)
    mov 8(%rsp), %rax
    mov %rax, lu_old_data_limit+8(%rip)
    movq $0, (%rsp)             /* prlimit64(0, RLIMIT_DATA, {0, hard}, NULL) */
    mov %rsp, %rdx
    xor %r10d, %r10d
    mov $302, %eax
    syscall
1:  mov %rbx, %rsp
    mov %rbp, %rdx
    jmp _start
    .size lu_start, . - lu_start

    .bss
    .globl lu_old_data_limit
    .hidden lu_old_data_limit
    .type lu_old_data_limit, @object
    .size lu_old_data_limit, 16
    .balign 8
lu_old_data_limit:
    .zero 16                    /* soft, hard; written once, above, before C runs */
    .section .note.GNU-stack, "", @progbits
