/*
 * LuSyms: what a person calls an address of the guest: symbol and file, of the files mapped there.
 *
 * Files are looked at when an address of theirs is first asked for, and forgotten when they are unmapped.
 * Ownership: lives as long as the process. Threads: any; a lock inside. Errors: an address that has no name
 * gets a poorer one. Sources: System V ABI, chapter 4; proc(5).
 */
#ifndef LINUX_USER_SYMBOLS_H
#define LINUX_USER_SYMBOLS_H

#include "base/fmt.h"
#include "linux-user/process.h"

LuSyms *lu_syms_new(LuProc *p); /* NULL: out of memory */
/* "name+0x12 [file]"; "0x1234 [file]" without a symbol, "0x1234" without a file. */
void lu_syms_name(LuSyms *s, Gva at, Fmt *out);
/* [start, start + len) is another's now. */
void lu_syms_forget(LuSyms *s, Gva start, uint64_t len);
/* Around fork, on both sides: the lock. */
void lu_syms_fork_prepare(LuSyms *s);
void lu_syms_fork_done(LuSyms *s);

#endif
