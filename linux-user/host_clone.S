/* Raw thread creation and the last instructions of a thread. See thread_priv.h. x86-64 hosts.
 * Registers but rax, rcx and r11 survive a system call, in the child too. */
        .text

/* long host_clone(long flags, void *stack_top, void *ptid, void *ctid, void *tls, void (*fn)(void *), void *arg) */
        .globl host_clone
        .type host_clone, @function
host_clone:
        movq    8(%rsp), %rax
        andq    $-16, %rsi
        subq    $16, %rsi
        movq    %r9, (%rsi)
        movq    %rax, 8(%rsi)
        movq    %rcx, %r10
        movl    $56, %eax
        syscall
        testq   %rax, %rax
        jz      1f
        ret
1:      xorl    %ebp, %ebp
        popq    %rax
        popq    %rdi
        call    *%rax
        ud2
        .size host_clone, . - host_clone

/* long host_clone3(struct clone_args *args, size_t size, void (*fn)(void *), void *arg) */
        .globl host_clone3
        .type host_clone3, @function
host_clone3:
        movq    %rcx, %r8
        movl    $435, %eax
        syscall
        testq   %rax, %rax
        jz      1f
        ret
1:      xorl    %ebp, %ebp
        movq    %r8, %rdi
        call    *%rdx
        ud2
        .size host_clone3, . - host_clone3

/* void host_exit(uint32_t *in_use, long nr, long status): gives up the stack it runs on, then ends the thread
 * (nr = SYS_exit) or its thread group. After the store nothing reads the stack: all signals are blocked. */
        .globl host_exit
        .type host_exit, @function
host_exit:
        movq    %rsi, %rax
        movq    %rdi, %rcx
        movq    %rdx, %rdi
        movl    $0, (%rcx)
        syscall
        ud2
        .size host_exit, . - host_exit

        .section .note.GNU-stack, "", @progbits
