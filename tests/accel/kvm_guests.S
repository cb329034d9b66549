/*
 * Guests of test_kvm.c: 64 KiB of ROM that ends at 4 GiB and is seen below 1 MiB as well, from f000:0 on. It begins with the
 * last bytes, as processors do, asks port 0xf0 which guest is wanted, and goes there. Port 0xf4: a result; the test takes
 * the cpu's thread after it.
 * Only what KVMs understand that emulate ring 0: integers, no x87, no SSE, no int n, paging in long mode alone.
 */
    .section .rodata
    .balign 4096
    .globl kvm_rom, kvm_rom_end
kvm_rom:

#define GUEST(name) .globl kvm_guest_##name; kvm_guest_##name:

    .code16
/* Ports of all widths, a string of bytes. */
GUEST(ports)
    mov $0x1234, %dx
    mov $0x89abcdef, %eax
    out %al, %dx
    out %ax, %dx
    out %eax, %dx
    in %dx, %al
    in %dx, %ax
    in %dx, %eax
    out %eax, %dx
    mov %cs, %ax
    mov %ax, %ds
    mov $(text - kvm_rom), %si
    mov $5, %cx
    cld
    rep outsb
    jmp done
text:
    .ascii "hello"

/* A device in the middle of RAM, the ROM, and what nobody answers. */
GUEST(memory)
    mov $0xd000, %ax
    mov %ax, %ds
    movb $0x11, 0
    movw $0x2222, 2
    movl $0x33333333, 4
    mov 8, %al
    mov 10, %ax
    mov 12, %ebx
    xor %ecx, %ecx
    cmp $0x0c0c0c0c, %ebx
    setne %cl
    mov $0xf000, %ax
    mov %ax, %ds
    movl $0, kvm_guest_memory - kvm_rom /* is lost */
    mov $0xe000, %ax
    mov %ax, %ds
    cmpl $0xffffffff, 0 /* nobody */
    setne %ch
    mov %cx, %ax
    jmp done

/* RAM under a device that the guest takes away and puts back through port 0xf1. */
GUEST(remap)
    mov $0xd000, %ax
    mov %ax, %ds
    mov 12, %ebx
    mov $1, %al
    out %al, $0xf1
    movl $0x600df00d, 12
    mov 12, %ecx
    mov $0, %al
    out %al, $0xf1
    mov 12, %esi
    mov $1, %al
    out %al, $0xf1
    mov 12, %edi
    xor %eax, %eax
    cmp $0x0c0c0c0c, %ebx
    jne done
    cmp $0x600df00d, %ecx
    jne done
    cmp $0x0c0c0c0c, %esi
    jne done
    cmp $0x600df00d, %edi
    jne done
    inc %ax
    jmp done

/* Counts for ever at 0:0x1000, in RAM. */
GUEST(count)
    xor %ax, %ax
    mov %ax, %ds
    mov $0x5eed, %bx
    xor %ecx, %ecx
1:  incl 0x1000
    test %ecx, %ecx
    jz 1b
    mov %cx, %ax
    jmp done

/* Bells at 0xc0000, by value and by place; late writes at 0xc1000, and then one at once. */
GUEST(late)
    mov $0xc000, %ax
    mov %ax, %ds
    movl $1, 0x50
    movl $0, 0x50
    movl $2, 0x50 /* none of its values */
    movw $7, 0x104
    movl $0x11, 0x1000
    movw $0x22, 0x1010
    movb $0x33, 0x1004
    mov 0x1008, %eax
    mov $1, %ax
    jmp done

/* An exception where no gate is present, of itself or of those that follow. In protected mode: in real mode some KVMs do not
 * look at the table's limit, and outside emulators' SVM loops where #GP follows #GP. */
GUEST(triple)
    xor %ax, %ax
    mov %ax, %ds
    mov %ax, %es
    mov $0x600, %di
    mov $16, %cx
    cld
1:  xor %eax, %eax
    stosl
    mov $0x0e00, %ax
    stosl
    loop 1b
    movw $16 * 8 - 1, 0x500
    movl $0x600, 0x502
    lidt 0x500
    mov %cr0, %eax
    or $1, %al
    mov %eax, %cr0
    xor %cx, %cx
    div %cx

/* Instructions where there is a device. */
GUEST(lost)
    ljmp $0xd000, $0

/* All cpus: the first starts the others at 0:0, where the test has put a jump to `second`. Each adds 1000 times. */
GUEST(smp)
    xor %ax, %ax
    mov %ax, %ds
    mov %ax, %ss
    mov $0x2000, %sp
    call flat
    mov $0xfee00300, %esi
    movl $0x000c4500, %ds:(%esi) /* INIT to all others */
    mov $2000, %ecx
1:  dec %ecx
    jnz 1b
    movl $0x000c4600, %ds:(%esi) /* SIPI, page 0 */
    xor %ax, %ax
    mov %ax, %ds
    call add
2:  cmpl $2, 0x1004
    jne 2b
    mov 0x1000, %ax
    jmp done
GUEST(second)
    xor %ax, %ax
    mov %ax, %ds
    mov %ax, %ss
    mov $0x3000, %sp
    call add
    cli
3:  hlt
    jmp 3b
add:
    mov $1000, %cx
4:  lock incl 0x1000
    loop 4b
    lock incl 0x1004
    ret
/* ds with a limit of 4 GiB and base 0, in real mode. */
flat:
    lgdtl %cs:(gdt_at - kvm_rom)
    mov %cr0, %eax
    or $1, %al
    mov %eax, %cr0
    mov $0x10, %bx
    mov %bx, %ds
    and $0xfe, %al
    mov %eax, %cr0
    ret

/* Interrupts of the PIC: vector 0x20 + n adds 1 at 0:0x1000; three of them, then done. */
GUEST(pic)
    xor %ax, %ax
    mov %ax, %ds
    mov %ax, %ss
    mov $0x2000, %sp
    movw $(on_irq - kvm_rom), 0x21 * 4
    movw $0xf000, 0x21 * 4 + 2
    mov $0x11, %al
    out %al, $0x20
    mov $0x20, %al
    out %al, $0x21
    mov $4, %al
    out %al, $0x21
    mov $1, %al
    out %al, $0x21
    mov $0xfd, %al
    out %al, $0x21
    mov $0x77, %al
    out %al, $0xf2 /* ready */
    sti
5:  hlt
    cmpw $3, 0x1000
    jb 5b
    cli
    mov 0x1000, %ax
    jmp done
on_irq:
    push %ax
    incw %ds:0x1000
    mov $0x20, %al
    out %al, $0x20
    mov $0x78, %al
    out %al, $0xf2
    pop %ax
    iret

/* Interrupts and NMI of the cpu's own inputs, vector 0x41 and 2, each adds 1; three of them, then done. */
GUEST(inputs)
    xor %ax, %ax
    mov %ax, %ds
    mov %ax, %ss
    mov $0x2000, %sp
    movw $(on_input - kvm_rom), 0x41 * 4
    movw $0xf000, 0x41 * 4 + 2
    movw $(on_input - kvm_rom), 2 * 4
    movw $0xf000, 2 * 4 + 2
    mov $0x77, %al
    out %al, $0xf2
    sti
1:  hlt
    cmpw $3, 0x1000
    jb 1b
    cli
    mov 0x1000, %ax
    jmp done
on_input:
    push %ax
    incw %ds:0x1000
    mov $0x78, %al
    out %al, $0xf2
    pop %ax
    iret

/* The first cpu of two whose other one somebody else starts. */
GUEST(both)
    xor %ax, %ax
    mov %ax, %ds
    mov %ax, %ss
    mov $0x2000, %sp
    call add
1:  cmpl $2, 0x1004
    jne 1b
    mov 0x1000, %ax
    jmp done

/* Messages of vector 0x41: three of them, then done. */
GUEST(messages)
    xor %ax, %ax
    mov %ax, %ds
    mov %ax, %ss
    mov $0x2000, %sp
    movw $(on_message - kvm_rom), 0x41 * 4
    movw $0xf000, 0x41 * 4 + 2
    call flat
    mov $0xfee000f0, %esi
    movl $0x1ff, %ds:(%esi) /* SVR: on */
    mov $0x77, %al
    out %al, $0xf2
    sti
9:  hlt
    cmpw $3, 0x1000
    jb 9b
    cli
    mov 0x1000, %ax
    jmp done
on_message:
    push %ax
    push %esi
    incw %ds:0x1000
    mov $0xfee000b0, %esi
    movl $0, %ds:(%esi) /* EOI */
    mov $0x78, %al
    out %al, $0xf2
    pop %esi
    pop %ax
    iret

done:
    out %ax, $0xf4
6:  hlt
    jmp 6b

    .balign 8
gdt:
    .quad 0
    .quad 0x00af9b000000ffff /* 08: 64-bit code */
    .quad 0x00cf93000000ffff /* 10: data */
gdt_at:
    .word gdt_at - gdt - 1
    .long 0xf0000 + gdt - kvm_rom

/* Long mode; tables at 0x10000: 2 MiB pages of the first GiB. A device at 0xd0000 by all widths, an interrupt gate, #PF. */
GUEST(long)
    xor %ax, %ax
    mov %ax, %ss
    mov $0x2000, %sp
    mov $0x1000, %ax
    mov %ax, %es
    xor %di, %di
    xor %eax, %eax
    mov $0x3000 / 4, %cx
    cld
    rep stosl
    movl $0x11003, %es:0
    movl $0x12003, %es:0x1000
    mov $0x2000, %di
    mov $0x83, %eax
    mov $512, %cx
7:  mov %eax, %es:(%di)
    add $0x200000, %eax
    add $8, %di
    loop 7b
    lgdtl %cs:(gdt_at - kvm_rom)
    mov $0x10000, %eax
    mov %eax, %cr3
    mov $0x20, %eax
    mov %eax, %cr4
    mov $0xc0000080, %ecx
    rdmsr
    or $0x100, %ax
    wrmsr
    mov %cr0, %eax
    or $0x80000001, %eax
    mov %eax, %cr0
    ljmpl $8, $(0xf0000 + in_long - kvm_rom)
    .code64
in_long:
    mov $0x10, %eax
    mov %eax, %ds
    mov %eax, %es
    mov %eax, %ss
    mov $0xd0000, %edi
    movabs $0x8877665544332211, %rax
    mov %rax, 16(%rdi)
    mov 24(%rdi), %rbx
    mov 30(%rdi), %r9 /* over an edge of 8 */
    movabs $0x1f1e1d1c1b1a1918, %rcx
    xor %eax, %eax
    cmp %rcx, %rbx
    sete %al
    movabs $0x2524232221201f1e, %rcx
    cmp %rcx, %r9
    sete %ah
    mov $0x123456789abcdef0, %r15
    out %ax, $0xf4
8:  hlt
    jmp 8b

    .code16
    .org 0xffe0
entry:
    in $0xf0, %ax
    jmp *%ax
    .org 0xfff0
    ljmp $0xf000, $(entry - kvm_rom)
    .org 0x10000
kvm_rom_end:
    .section .note.GNU-stack, "", @progbits
