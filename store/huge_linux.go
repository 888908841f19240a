package store

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

const (
	hugePage = 2 << 20
	// hugeMin is the size from which a table is put on huge pages: below it the few pages it takes
	// are found fast anyway.
	hugeMin = 2 * hugePage
)

// adviseHuge asks the kernel to back a large table with huge pages: look-ups at random in hundreds
// of thousands of small pages would spend most of their time on translating addresses. It is only
// advice, and harmless to what the memory is used for later. The memory must not be touched yet.
//
// The slice is taken by its address, which the garbage collector never changes, and only for the
// time of the call.
func adviseHuge(at unsafe.Pointer, size uintptr) {
	if size < hugeMin {
		return
	}
	// The kernel wants whole pages: those within the table.
	skip := -uintptr(at) & (hugePage - 1)
	whole := (size - skip) &^ (hugePage - 1)
	_ = unix.Madvise(unsafe.Slice((*byte)(unsafe.Add(at, skip)), whole), unix.MADV_HUGEPAGE)
}
