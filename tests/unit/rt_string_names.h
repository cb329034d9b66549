/* The functions of linux-user/rt/rt_string.c under the names that the build gives them for their test. */
#ifndef TESTS_UNIT_RT_STRING_NAMES_H
#define TESTS_UNIT_RT_STRING_NAMES_H

#include <stddef.h>

void *rt_memcpy(void *, const void *, size_t);
void *rt_memmove(void *, const void *, size_t);
void *rt_memset(void *, int, size_t);
int rt_memcmp(const void *, const void *, size_t);
int rt_bcmp(const void *, const void *, size_t);
void *rt_memchr(const void *, int, size_t);
size_t rt_strlen(const char *);
size_t rt_strnlen(const char *, size_t);
int rt_strcmp(const char *, const char *);
int rt_strncmp(const char *, const char *, size_t);
char *rt_strcpy(char *, const char *);
char *rt_strchr(const char *, int);
char *rt_strrchr(const char *, int);
size_t rt_strspn(const char *, const char *);
size_t rt_strcspn(const char *, const char *);
char *rt_strstr(const char *, const char *);

#endif
