/* See fault.h. Each access has a local label and a row {access, landing} in fault_table. x86-64 hosts. */
        .text
        .macro ROW at, land
        .pushsection .rodata.fault_table, "a"
        .long \at - fault_anchor
        .long \land - fault_anchor
        .popsection
        .endm

        .pushsection .rodata.fault_table, "a"
        .balign 8
        .globl fault_table
        .hidden fault_table
fault_table:
        .popsection

        .globl fault_anchor
        .hidden fault_anchor
fault_anchor:

        .macro LOAD name, insn, mem, reg
        .globl \name
        .type \name, @function
\name:
77\@:   \insn   \mem, \reg
        xorl    %edx, %edx
        ret
        .size \name, . - \name
        ROW     77\@b, fault_land_pair
        .endm

        LOAD fault_ld8,  movzbl, (%rdi), %eax
        LOAD fault_ld16, movzwl, (%rdi), %eax
        LOAD fault_ld32, movl,   (%rdi), %eax
        LOAD fault_ld64, movq,   (%rdi), %rax

        /* 16 bytes: guest rdi to rsi */
        .globl fault_ld128
        .type fault_ld128, @function
fault_ld128:
1:      movups  (%rdi), %xmm0
        movups  %xmm0, (%rsi)
        xorl    %eax, %eax
        ret
        .size fault_ld128, . - fault_ld128
        ROW     1b, fault_land_one

        .globl fault_st128
        .type fault_st128, @function
fault_st128:
        movups  (%rsi), %xmm0
1:      movups  %xmm0, (%rdi)
        xorl    %eax, %eax
        ret
        .size fault_st128, . - fault_st128
        ROW     1b, fault_land_one

fault_land_pair:
        movl    $1, %edx
        ret

        .macro STORE name, insn, reg
        .globl \name
        .type \name, @function
\name:
78\@:   \insn   \reg, (%rdi)
        xorl    %eax, %eax
        ret
        .size \name, . - \name
        ROW     78\@b, fault_land_one
        .endm

        STORE fault_st8,  movb, %sil
        STORE fault_st16, movw, %si
        STORE fault_st32, movl, %esi
        STORE fault_st64, movq, %rsi

fault_land_one:
        movl    $1, %eax
        ret

        .macro CAS name, insn, reg, fix
        .globl \name
        .type \name, @function
\name:
        movq    %rsi, %rax
        movq    %rdx, %rcx
79\@:   lock \insn \reg, (%rdi)
        \fix
        xorl    %edx, %edx
        ret
        .size \name, . - \name
        ROW     79\@b, fault_land_pair
        .endm

        CAS fault_cas8,  cmpxchgb, %cl,  "movzbl %al, %eax"
        CAS fault_cas16, cmpxchgw, %cx,  "movzwl %ax, %eax"
        CAS fault_cas32, cmpxchgl, %ecx, "movl %eax, %eax"
        CAS fault_cas64, cmpxchgq, %rcx, "nop"

        .globl fault_cas128
        .type fault_cas128, @function
fault_cas128:
        pushq   %rbx
        movq    %rsi, %r8
        movq    (%rsi), %rax
        movq    (%rdx), %rbx
        movq    8(%rdx), %rcx
        movq    8(%rsi), %rdx
80:     lock cmpxchg16b (%rdi)
        movq    %rax, (%r8)
        movq    %rdx, 8(%r8)
        xorl    %eax, %eax
        popq    %rbx
        ret
81:     movl    $1, %eax
        popq    %rbx
        ret
        .size fault_cas128, . - fault_cas128
        ROW     80b, 81b

        /* Up to 512 bytes by 16 and then by halves, each step one load and one store, so that overlapping memory is as
         * by bytes; rcx is what is left (in the loop 16 less). Whatever faults is tried again by bytes. */
        .macro STEP load, store, reg, bytes, land=fault_copy_bytes
        .if \bytes != 16
        testb   $\bytes, %cl
        jz      92\@f
        .endif
90\@:   \load   (%rsi), \reg
91\@:   \store  \reg, (%rdi)
        addq    $\bytes, %rsi
        addq    $\bytes, %rdi
        .if \bytes == 16
        subq    $16, %rcx
        .else
        subl    $\bytes, %ecx
        .endif
92\@:
        ROW     90\@b, \land
        ROW     91\@b, \land
        .endm

        .globl fault_copy
        .type fault_copy, @function
fault_copy:
        movq    %rdx, %rcx
        cmpq    $512, %rdx
        ja      fault_copy_bytes
        subq    $16, %rcx
        jb      2f
        .balign 16
1:      STEP    movups, movups, %xmm0, 16, fault_copy_wide
        jae     1b
2:      addl    $16, %ecx
        STEP    movq, movq, %rax, 8
        STEP    movl, movl, %eax, 4
        STEP    movw, movw, %ax, 2
        STEP    movb, movb, %al, 1
        xorl    %eax, %eax
        ret
fault_copy_wide:
        addq    $16, %rcx
fault_copy_bytes:
        cld
3:      rep movsb
4:      movq    %rcx, %rax
        ret
        .size fault_copy, . - fault_copy
        ROW     3b, 4b

        /* The string instructions, each as a routine with registers of its own: rdi, rsi, rcx as the instruction has
         * them, also when it faults, rax its value; then rax is 0, or the flags as lahf; seto leaves them. Nothing
         * else is touched. fault_bulk_table has their addresses by FaultBulk, relative to fault_anchor. */
        .macro BULK insn
        .pushsection .rodata.fault_bulk, "a"
        .long 93f - fault_anchor
        .popsection
93:
94:     \insn
95:     xorl    %eax, %eax
        ret
        ROW     94b, 95b
        .endm

        .macro BULK_FLAGS insn
        .pushsection .rodata.fault_bulk, "a"
        .long 93f - fault_anchor
        .popsection
93:     jrcxz   95f
94:     \insn
        lahf
        seto    %al
        movzwl  %ax, %eax
        ret
95:     xorl    %eax, %eax
        ret
        ROW     94b, 95b
        .endm

        .pushsection .rodata.fault_bulk, "a"
        .balign 4
        .globl fault_bulk_table
        .hidden fault_bulk_table
fault_bulk_table:
        .popsection
        .irp suffix, b, w, l, q
        BULK    "rep movs\suffix"
        .endr
        .irp suffix, b, w, l, q
        BULK    "rep stos\suffix"
        .endr
        .irp suffix, b, w, l, q
        BULK_FLAGS "repne scas\suffix"
        .endr
        .irp suffix, b, w, l, q
        BULK_FLAGS "repne cmps\suffix"
        .endr
        .irp suffix, b, w, l, q
        BULK_FLAGS "repe scas\suffix"
        .endr
        .irp suffix, b, w, l, q
        BULK_FLAGS "repe cmps\suffix"
        .endr

        /* The routine rdi on rsi, rdx, rcx. */
        .globl fault_bulk_call
        .hidden fault_bulk_call
        .type fault_bulk_call, @function
fault_bulk_call:
        movq    %rdi, %r8
        movq    %rsi, %rdi
        movq    %rdx, %rsi
        movq    %rdx, %rax
        call    *%r8
        shlq    $32, %rax
        orq     %rcx, %rax
        ret
        .size fault_bulk_call, . - fault_bulk_call

        .globl fault_strnlen
        .type fault_strnlen, @function
fault_strnlen:
        xorl    %eax, %eax
3:      cmpq    %rsi, %rax
        jae     5f
4:      cmpb    $0, (%rdi,%rax)
        je      5f
        incq    %rax
        jmp     3b
5:      ret
6:      movq    $-1, %rax
        ret
        .size fault_strnlen, . - fault_strnlen
        ROW     4b, 6b

        /* long sys_compat5(long nr, long a, long b, long c, long d, long e), see sys.h */
        .globl sys_compat5
        .type sys_compat5, @function
sys_compat5:
        pushq   %rbx
        movl    %edi, %eax
        movl    %esi, %ebx
        movl    %ecx, %r10d
        movl    %edx, %ecx
        movl    %r10d, %edx
        movl    %r8d, %esi
        movl    %r9d, %edi
1:      int     $0x80
        cltq
        popq    %rbx
        ret
2:      movq    $-38, %rax
        popq    %rbx
        ret
        .size sys_compat5, . - sys_compat5
        ROW     1b, 2b

        .pushsection .rodata.fault_table, "a"
        .globl fault_table_end
        .hidden fault_table_end
fault_table_end:
        .popsection
        .section .note.GNU-stack, "", @progbits
