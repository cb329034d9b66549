/* The restartable window of blocking system calls. See signal_priv.h: lu_window_call. x86-64 hosts.
 *
 * long lu_window_call(long nr, long a, long b, long c, long d, long e, long f, const uint32_t *pending)
 *
 * Between lu_window_check and lu_window_end the handler of an asynchronous signal sees from the PC alone that the
 * kernel has not begun the call (or has set it up to be restarted: the PC is then back on the syscall instruction),
 * and moves the PC to lu_window_out. Nothing in the window changes the stack, so that is a complete rewind. */
        .text
        .globl lu_window_call
        .type lu_window_call, @function
lu_window_call:
        movq    %rdi, %rax
        movq    %rsi, %rdi
        movq    %rdx, %rsi
        movq    %rcx, %rdx
        movq    %r8, %r10
        movq    %r9, %r8
        movq    8(%rsp), %r9
        movq    16(%rsp), %rcx
        .globl lu_window_check, lu_window_end, lu_window_out
        .hidden lu_window_check, lu_window_end, lu_window_out
lu_window_check:
        cmpl    $0, (%rcx)
        jne     lu_window_out
        syscall
lu_window_end:
        ret
lu_window_out:
        movq    $-513, %rax             /* LU_RET_RESTART_ALWAYS */
        ret
        .size lu_window_call, . - lu_window_call

/* Restorer of all host signal handlers: rt_sigreturn. The kernel insists on SA_RESTORER on x86-64. */
        .globl lu_host_restorer
        .hidden lu_host_restorer
        .type lu_host_restorer, @function
        nop                             /* unwinders look one byte before the return address */
lu_host_restorer:
        movl    $15, %eax
        syscall
        ud2
        .size lu_host_restorer, . - lu_host_restorer

        .section .note.GNU-stack, "", @progbits
