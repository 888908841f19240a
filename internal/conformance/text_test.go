package conformance

import (
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strconv"

	"github.com/pitwheel/pitwheel/serde"
)

// show is a value of a vector as text: a string quoted, a number as it stands, null as null.
func show(v any) string {
	switch v := v.(type) {
	case nil:
		return "null"
	case string:
		return strconv.Quote(v)
	case json.Number:
		return v.String()
	default:
		return fmt.Sprintf("%v, of unknown type %T", v, v)
	}
}

// showBytes is a topic's bytes as show gives their value.
func showBytes(data []byte, typ string, windowMs int64) string {
	if data == nil {
		return "null"
	}
	at := len(data) - 8
	switch {
	case typ == "string":
		return strconv.Quote(string(data))
	case typ == "long" && len(data) == 8:
		return strconv.FormatInt(int64(binary.BigEndian.Uint64(data)), 10)
	case typ == "integer" && len(data) == 4:
		return strconv.FormatInt(int64(int32(binary.BigEndian.Uint32(data))), 10)
	case typ == "time_windowed_string" && at >= 0:
		start := int64(binary.BigEndian.Uint64(data[at:]))
		return strconv.Quote(fmt.Sprintf("%s@%d/%d", data[:at], start, start+windowMs))
	case typ == "session_windowed_string" && at >= 8:
		start, end := binary.BigEndian.Uint64(data[at:]), binary.BigEndian.Uint64(data[at-8:])
		return strconv.Quote(fmt.Sprintf("%s@%d/%d", data[:at-8], int64(start), int64(end)))
	}
	return fmt.Sprintf("%x, which is no %s", data, typ)
}

// bytesOf is a vector's value of that type as bytes.
func bytesOf(v any, typ string) ([]byte, error) {
	switch v := v.(type) {
	case nil:
		return nil, nil
	case string:
		if typ == "string" {
			return append([]byte{}, v...), nil
		}
	case json.Number:
		n, err := v.Int64()
		switch {
		case err != nil:
			return nil, err
		case typ == "long":
			return binary.BigEndian.AppendUint64(nil, uint64(n)), nil
		case typ == "integer":
			return binary.BigEndian.AppendUint32(nil, uint32(int32(n))), nil
		}
	}
	return nil, fmt.Errorf("%v is no %s", v, typ)
}

// showGo is a value of a Go topology as show gives it.
func showGo(v any) string {
	switch v := v.(type) {
	case string:
		return strconv.Quote(v)
	case int64, int32:
		return fmt.Sprint(v)
	case serde.Null[string]:
		return showNull(v)
	case serde.Null[int64]:
		return showNull(v)
	case serde.Null[int32]:
		return showNull(v)
	default:
		return fmt.Sprintf("%v, of unknown type %T", v, v)
	}
}

func showNull[T any](v serde.Null[T]) string {
	if !v.Valid {
		return "null"
	}
	return showGo(v.V)
}

// keyText is a store's key as the vectors write it, Java's toString.
func keyText(key any) string {
	shown := showGo(key)
	if bare, err := strconv.Unquote(shown); err == nil {
		return bare
	}
	return shown
}

// hexOf is bytes of an internal topic in hexadecimal.
func hexOf(data []byte) string {
	if data == nil {
		return "null"
	}
	return hex.EncodeToString(data)
}

func hexText(s *string) string {
	if s == nil {
		return "null"
	}
	return *s
}
