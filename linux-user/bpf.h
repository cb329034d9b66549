/*
 * Classic BPF as seccomp(2) takes it: programs over a struct seccomp_data, checked as the kernel checks them.
 *
 * lu_bpf_run() is for programs that lu_bpf_check() let pass: they end, and touch nothing but the data and 16
 * words of their own. Ownership: the caller's. Threads: any. Sources: seccomp(2); the kernel's documentation
 * networking/filter ("classic BPF"); linux/filter.h, linux/seccomp.h.
 */
#ifndef LINUX_USER_BPF_H
#define LINUX_USER_BPF_H

#include <linux/filter.h>
#include <stdbool.h>
#include <stdint.h>

enum { LU_BPF_DATA = 64 }; /* bytes of struct seccomp_data */

/* n: 1 to BPF_MAXINSNS. room: n words to work in. */
bool lu_bpf_check(const struct sock_filter *f, unsigned n, uint16_t *room);
uint32_t lu_bpf_run(const struct sock_filter *f, const uint8_t data[LU_BPF_DATA]);

#endif
