package testcard

// The cells of a bar code.
const (
	guards  = 4
	numbers = 28
	checks  = 8
	// Cells is the number of cells.
	Cells = guards + numbers + checks
)

// Code are the cells of frame n, modulo 2^28: bit Cells-1 is the leftmost, and 1 is
// light.
func Code(n uint64) uint64 {
	n &= 1<<numbers - 1
	return 0b1010<<(numbers+checks) | n<<checks | uint64(check(n))
}

// check is a CRC with the polynomial x^8+x^2+x+1 of the number. It is not 0 for 0, so
// that a black picture has no number.
func check(n uint64) uint8 {
	crc := uint8(0xA5)
	for i := numbers - 4; i >= 0; i -= 4 {
		crc ^= uint8(n>>i&15) << 4
		for range 4 {
			if crc&0x80 != 0 {
				crc = crc<<1 ^ 0x07
			} else {
				crc <<= 1
			}
		}
	}
	return crc
}

// Read reads the number of a picture of that size, from the brightness of its pixels.
// It is false where there is no code or it cannot be read.
func Read(width, height int, luma func(x, y int) uint8) (n uint64, ok bool) {
	if width < 2*Cells || height < 16 {
		return 0, false
	}
	var cells [Cells]int
	for i := range cells {
		cells[i] = cell(i, width, height, luma)
	}
	light, dark := (cells[0]+cells[2])/2, (cells[1]+cells[3])/2
	if light-dark < 40 {
		return 0, false
	}
	var code uint64
	for _, c := range cells {
		code <<= 1
		if c > (light+dark)/2 {
			code |= 1
		}
	}
	n = code >> checks & (1<<numbers - 1)
	return n, code == Code(n)
}

// cell is the mean brightness of the middle of a cell.
func cell(i, width, height int, luma func(x, y int) uint8) int {
	left, right := i*width/Cells, (i+1)*width/Cells
	top, bottom := height*7/8, height
	inset, sum, count := (right-left)/4, 0, 0
	for y := top + (bottom-top)/4; y < bottom-(bottom-top)/4; y++ {
		for x := left + inset; x < right-inset; x++ {
			sum += int(luma(x, y))
			count++
		}
	}
	return sum / max(1, count)
}
