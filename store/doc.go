// Package store is local state: typed stores over a write-back cache over Pebble or memory.
package store
