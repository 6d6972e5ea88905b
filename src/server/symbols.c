/* symbols - the names of functions by their addresses, for backtraces of our own program. */

#include <sys/mman.h>
#include <sys/stat.h>

#include <dlfcn.h>
#include <elf.h>
#include <fcntl.h>
#include <link.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "server/symbols.h"

/* The program's file, mapped while a name is looked for, or kept. */
struct image {
	const char	*at;
	size_t		 size;
};

static struct image kept;

static bool
open_image(struct image *image)
{
	struct stat st;
	void *at;
	int fd;

	*image = kept;
	if (kept.at != NULL)
		return true;
	if ((fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC)) == -1)
		return false;
	if (fstat(fd, &st) == -1 || (at = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0)) ==
	    MAP_FAILED) {
		(void)close(fd);
		return false;
	}
	(void)close(fd);
	*image = (struct image){ .at = at, .size = (size_t)st.st_size };
	return true;
}

static void
close_image(const struct image *image)
{
	if (image->at != kept.at)
		(void)munmap((void *)(uintptr_t)image->at, image->size);
}

void
symbols_keep(void)
{
	struct image image;

	if (open_image(&image))
		kept = image;
}

/* Whether the file has these bytes: it may be any file by now. */
static bool
within(const struct image *image, uint64_t offset, uint64_t len)
{
	return offset <= image->size && len <= image->size - offset;
}

/* Where the program itself was loaded. */
static uintptr_t
own_base(void)
{
	Dl_info info;

	return dladdr((void *)(uintptr_t)symbols_name, &info) != 0 ? (uintptr_t)info.dli_fbase : 0;
}

/* The function in one table of symbols that has this address. */
static const char *
look_up(const struct image *image, const ElfW(Shdr) *table, const ElfW(Shdr) *strings, uintptr_t address,
    uintptr_t *offset)
{
	const ElfW(Sym) *sym = (const void *)(image->at + table->sh_offset);
	size_t i, n = table->sh_size / sizeof(*sym);
	const char *name = image->at + strings->sh_offset;

	for (i = 0; i < n; i++)
		if ((sym[i].st_info & 0xf) == STT_FUNC && address >= sym[i].st_value &&
		    address < sym[i].st_value + sym[i].st_size && sym[i].st_name < strings->sh_size &&
		    memchr(name + sym[i].st_name, '\0', strings->sh_size - sym[i].st_name) != NULL) {
			*offset = address - sym[i].st_value;
			return name + sym[i].st_name;
		}
	return NULL;
}

static const char *
search(const struct image *image, uintptr_t address, uintptr_t *offset)
{
	const ElfW(Ehdr) *head = (const void *)image->at;
	const ElfW(Shdr) *section;
	const char *name = NULL;
	size_t i;

	if (!within(image, 0, sizeof(*head)) || memcmp(head->e_ident, ELFMAG, SELFMAG) != 0 ||
	    !within(image, head->e_shoff, (uint64_t)head->e_shnum * sizeof(*section)))
		return NULL;
	section = (const void *)(image->at + head->e_shoff);
	if (head->e_type == ET_EXEC)
		address += own_base();		/* it lies where it says */
	for (i = 0; i < head->e_shnum && name == NULL; i++)
		if ((section[i].sh_type == SHT_SYMTAB || section[i].sh_type == SHT_DYNSYM) &&
		    section[i].sh_link < head->e_shnum &&
		    within(image, section[i].sh_offset, section[i].sh_size) &&
		    within(image, section[section[i].sh_link].sh_offset, section[section[i].sh_link].sh_size))
			name = look_up(image, &section[i], &section[section[i].sh_link], address, offset);
	return name;
}

char *
symbols_name(char *dst, size_t size, uintptr_t address)
{
	uintptr_t base = own_base(), offset;
	const char *name = NULL, *file;
	struct image image;
	Dl_info info;

	if (dladdr((void *)address, &info) == 0) {
		(void)snprintf(dst, size, "%#jx", (uintmax_t)address);
		return dst;
	}
	offset = address - (uintptr_t)info.dli_fbase;
	if ((uintptr_t)info.dli_fbase == base && open_image(&image)) {
		name = search(&image, offset, &offset);
		if (name != NULL)
			(void)snprintf(dst, size, "%s+%#jx", name, (uintmax_t)offset);
		close_image(&image);
	} else if ((name = info.dli_sname) != NULL)
		(void)snprintf(dst, size, "%s+%#jx", name, (uintmax_t)(address - (uintptr_t)info.dli_saddr));
	if (name != NULL)
		return dst;
	file = strrchr(info.dli_fname, '/');
	(void)snprintf(dst, size, "%s+%#jx", file != NULL ? file + 1 : info.dli_fname, (uintmax_t)offset);
	return dst;
}
