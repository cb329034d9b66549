/* ELF entry point of `tinamou`. The kernel leaves argc, argv, envp and the auxiliary vector at (%rsp)
 * (System V ABI, x86-64 supplement, 3.4.1). */
        .text
        .globl _start
        .type _start, @function
_start:
        xorl    %ebp, %ebp
        movq    %rsp, %rdi
        andq    $-16, %rsp
        call    rt_start
        ud2
        .size _start, . - _start

        .section .note.GNU-stack, "", @progbits
