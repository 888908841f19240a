package serde

import (
	"bytes"
	"encoding/json/v2"
	"fmt"
	"reflect"
)

// JSON is T as JSON text, by encoding/json/v2 with its defaults: names match exactly, duplicate
// names and bytes that are not UTF-8 are errors. No type becomes JSON by itself: say so where it
// is meant.
func JSON[T any]() Serde[T] { return jsonSerde[T]{} }

type jsonSerde[T any] struct{}

func (jsonSerde[T]) Append(dst []byte, v T) ([]byte, error) {
	buf := bytes.NewBuffer(dst)
	if err := json.MarshalWrite(buf, v, json.Deterministic(true)); err != nil {
		return dst, fmt.Errorf("serde: json of %v: %w", reflect.TypeFor[T](), err)
	}
	return buf.Bytes(), nil
}

func (jsonSerde[T]) Decode(data []byte) (v T, err error) {
	if err := json.Unmarshal(data, &v); err != nil {
		return v, fmt.Errorf("serde: json of %v: %w", reflect.TypeFor[T](), err)
	}
	return v, nil
}
