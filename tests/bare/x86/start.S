/* From the reset vector to C, exceptions, and changes of level of a bare-metal test of x86; x86_bare.h has the
 * contract. The image is the 128 KiB below 4 GiB, seen below 1 MiB, too, where it runs. */
#ifdef __x86_64__
#define SP   rsp
#define AX   rax
#define W    8
#define RET  iretq
#define WORD .quad
#else
#define SP   esp
#define AX   eax
#define W    4
#define RET  iretl
#define WORD .long
#endif
#define TABLES 0x30000 /* the first of six pages: of long mode */

    .section .text.start, "ax"
    .code16
start16:
    cli
    mov %cs, %ax
    mov %ax, %ds
    mov $(boot_gdtr - start16 + 0xf000), %bx
    lgdtl (%bx)
    mov %cr0, %eax
    or $1, %al
    mov %eax, %cr0
    ljmpl $8, $start32
    .balign 8
boot_gdt: .quad 0, 0x00cf9b000000ffff, 0x00cf93000000ffff, 0x00af9b000000ffff
boot_gdtr: .word 31
    .long boot_gdt
    .code32
start32:
    mov $0x10, %eax
    mov %eax, %ds
    mov %eax, %es
    mov %eax, %ss
    mov %eax, %fs
    mov %eax, %gs
    mov $0x8f000, %esp
    mov $data_rom, %esi
    mov $data_start, %edi
    mov $data_end, %ecx
    sub %edi, %ecx
    rep movsb
    mov $bss_end, %ecx
    sub %edi, %ecx
    xor %eax, %eax
    rep stosb
#ifdef __x86_64__
    mov $TABLES, %edi
    mov $0x1800, %ecx
    rep stosl
    movl $TABLES + 0x1007, TABLES
    mov $TABLES + 0x1000, %edi
    mov $TABLES + 0x2007, %eax
    mov $4, %ecx
1:  mov %eax, (%edi)
    add $0x1000, %eax
    add $8, %edi
    loop 1b
    mov $TABLES + 0x2000, %edi
    mov $0x87, %eax
    mov $2048, %ecx
1:  mov %eax, (%edi)
    add $0x200000, %eax
    add $8, %edi
    loop 1b
    mov $TABLES, %eax
    mov %eax, %cr3
    mov $0x6a0, %eax /* PAE PGE OSFXSR OSXMMEXCPT */
    mov %eax, %cr4
    mov $0xc0000080, %ecx
    mov $0x901, %eax /* NXE LME SCE */
    xor %edx, %edx
    wrmsr
    mov %cr0, %eax
    or $0x80010000, %eax
    and $0x9fffffff, %eax
    mov %eax, %cr0
    ljmpl $0x18, $start64
    .code64
start64:
#endif
    call bare_start

/* ---- exceptions: vectors 0 to 63, and 0x80 ---- */

    .text
    .globl bare_vectors
    .balign 16
bare_vectors:
    .set n, 0
    .rept 256
    .balign 16
    .if (n == 8) || (n >= 10 && n <= 14) || (n == 17)
    .else
    push $0
    .endif
    push $n
    jmp common
    .set n, n + 1
    .endr
common:
#ifdef __x86_64__
    pop bare_seen(%rip)
    pop bare_seen + 8(%rip)
    pop bare_seen + 16(%rip)
    pop bare_seen + 24(%rip)
    pop bare_seen + 32(%rip)
    pop bare_seen + 40(%rip)
    mov %rsp, bare_seen + 48(%rip)
    mov %rcx, bare_seen + 56(%rip)
    mov bare_recover(%rip), %rsp
    pushq $2
    popfq
    mov $0x10, %ecx
    mov %ecx, %ss
    mov %ecx, %ds
    mov %ecx, %es
#else
    push %eax
    mov $0x10, %eax
    mov %eax, %ds
    mov %eax, %es
    mov %eax, %fs
    mov %eax, %gs
    pop %eax
    pop bare_seen
    pop bare_seen + 4
    pop bare_seen + 8
    pop bare_seen + 12
    pop bare_seen + 16
    pop bare_seen + 20
    mov %esp, bare_seen + 24
    mov %ecx, bare_seen + 28
    mov $0x10, %ecx
    mov %ecx, %ss
    mov bare_recover, %esp
    push $2
    popf
#endif
    jmp back

/* word bare_probe(fn, a): the vector that fn(a) raised, or 0x100 */
    .globl bare_probe
bare_probe:
#ifdef __x86_64__
    push %rbx
    push %rbp
    push %r12
    push %r13
    push %r14
    push %r15
    mov %rsp, bare_recover(%rip)
    mov %rdi, %rax
    mov %rsi, %rdi
    call *%rax
    movq $0x100, bare_seen(%rip)
    mov bare_recover(%rip), %rsp
back:
    mov bare_seen(%rip), %rax
    pop %r15
    pop %r14
    pop %r13
    pop %r12
    pop %rbp
    pop %rbx
    ret
#else
    push %ebx
    push %ebp
    push %esi
    push %edi
    mov 20(%esp), %eax
    mov 24(%esp), %ecx
    mov %esp, bare_recover
    push %ecx
    call *%eax
    movl $0x100, bare_seen
    mov bare_recover, %esp
back:
    mov bare_seen, %eax
    pop %edi
    pop %esi
    pop %ebp
    pop %ebx
    ret
#endif

/* void bare_enter(frame, a): the words of iret, from the lowest, are at frame; a is the first argument there */
    .globl bare_enter
bare_enter:
#ifdef __x86_64__
    mov %rdi, %rsp
    mov %rsi, %rdi
#else
    mov 4(%esp), %esp
    mov $0x33, %eax
    mov %eax, %ds
    mov %eax, %es
#endif
    RET

    .section .bss
    .globl bare_seen, bare_recover
    .balign 16
bare_seen: .skip 8 * W
bare_recover: .skip W

    .section .reset, "ax"
    .code16
    ljmp $0xf000, $0xf000 /* start16 */
    .balign 16

    .section .note.GNU-stack, "", @progbits
