// Package faultproxy stands between clients and a Kafka and does to their connections what networks do:
// it delays, resets, and loses requests or answers of chosen kinds. It reads the header of each request,
// and replaces the brokers' addresses in the answers that name them, so that clients meet no broker but
// through it.
package faultproxy
