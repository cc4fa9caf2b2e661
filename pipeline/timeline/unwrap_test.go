package timeline

import "testing"

func TestUnwrap(t *testing.T) {
	for _, c := range []struct {
		name string
		bits uint8
		wire []uint64
		want []int64
	}{
		{"starts where it starts", 32, []uint64{7, 40}, []int64{7, 40}},
		{"2^31", 32, []uint64{1<<31 - 20, 1<<31 + 13, 1<<31 - 1, 1 << 31}, []int64{1<<31 - 20, 1<<31 + 13, 1<<31 - 1, 1 << 31}},
		{"2^32", 32, []uint64{1<<32 - 20, 13, 1<<32 - 1, 0, 33}, []int64{1<<32 - 20, 1<<32 + 13, 1<<32 - 1, 1 << 32, 1<<32 + 33}},
		{"twice", 32, []uint64{1<<32 - 1, 1 << 30, 1 << 31, 3 << 30, 5}, []int64{1<<32 - 1, 5 << 30, 6 << 30, 7 << 30, 2<<32 + 5}},
		{"2^24", 24, []uint64{1<<24 - 20, 13, 1<<24 - 1}, []int64{1<<24 - 20, 1<<24 + 13, 1<<24 - 1}},
		{"2^24 of 32 bits", 32, []uint64{1<<24 - 1, 1 << 24}, []int64{1<<24 - 1, 1 << 24}},
		{"2^33", 33, []uint64{1<<33 - 1, 0}, []int64{1<<33 - 1, 1 << 33}},
		{"back through zero", 32, []uint64{5, 1<<32 - 5}, []int64{5, -5}},
		{"surplus bits", 32, []uint64{1<<40 + 9, 10}, []int64{9, 10}},
		{"64", 64, []uint64{3, 1}, []int64{3, 1}},
	} {
		t.Run(c.name, func(t *testing.T) {
			u := NewUnwrapper(c.bits)
			for i, w := range c.wire {
				if got := u.Unwrap(w); got != c.want[i] {
					t.Errorf("value %d: %d, want %d", i, got, c.want[i])
				}
			}
		})
	}
}
