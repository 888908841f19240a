package pitwheel

import (
	"crypto/tls"
	"fmt"
	"log/slog"
	"reflect"
	"strings"

	"github.com/twmb/franz-go/pkg/sasl"
)

// LogValue is the config without what is secret in it or cannot be read: of TLS, functions and the
// logger only that they are set, of SASL only the mechanisms' names. Fields that are not set are left
// out. It is a slog.LogValuer.
func (c Config) LogValue() slog.Value {
	v := reflect.ValueOf(c)
	var attrs []slog.Attr
	for i := range v.NumField() {
		field := v.Field(i)
		if field.IsZero() {
			continue
		}
		attrs = append(attrs, slog.Any(v.Type().Field(i).Name, shown(field)))
	}
	return slog.GroupValue(attrs...)
}

// shown is a field's value as it may be shown. What could hold a secret is not.
func shown(field reflect.Value) any {
	switch value := field.Interface().(type) {
	case []sasl.Mechanism:
		names := make([]string, len(value))
		for i, m := range value {
			if m != nil {
				names[i] = m.Name()
			}
		}
		return names
	case *tls.Config:
		return "set"
	}
	switch field.Kind() {
	case reflect.Func, reflect.Pointer, reflect.Interface, reflect.Struct:
		return "set"
	}
	return field.Interface()
}

// String is the config as LogValue has it, for every verb of fmt that prints values.
func (c Config) String() string {
	var b strings.Builder
	b.WriteString("pitwheel.Config{")
	for i, a := range c.LogValue().Group() {
		if i > 0 {
			b.WriteString(", ")
		}
		fmt.Fprintf(&b, "%s: %v", a.Key, a.Value)
	}
	return b.String() + "}"
}

// GoString is String: %#v must not show more.
func (c Config) GoString() string { return c.String() }
