package serde

import (
	"encoding/hex"
	"fmt"
)

type uuidSerde struct{}

func (uuidSerde) Append(dst []byte, v [16]byte) ([]byte, error) {
	for i, x := range v {
		if i == 4 || i == 6 || i == 8 || i == 10 {
			dst = append(dst, '-')
		}
		dst = hex.AppendEncode(dst, []byte{x})
	}
	return dst, nil
}

func (uuidSerde) Decode(data []byte) (v [16]byte, err error) {
	if len(data) != 36 || data[8] != '-' || data[13] != '-' || data[18] != '-' || data[23] != '-' {
		return v, fmt.Errorf("serde: uuid: %d bytes, want 36 characters like 123e4567-e89b-12d3-a456-426614174000", len(data))
	}
	digits := make([]byte, 0, 32)
	for _, group := range [][2]int{{0, 8}, {9, 13}, {14, 18}, {19, 23}, {24, 36}} {
		digits = append(digits, data[group[0]:group[1]]...)
	}
	if _, err := hex.Decode(v[:], digits); err != nil {
		return v, fmt.Errorf("serde: uuid: %w", err)
	}
	return v, nil
}
