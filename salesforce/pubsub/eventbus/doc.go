// Package eventbus is the wire of Salesforce's Pub/Sub API: the messages and the gRPC service
// of eventbus.proto, generated. Client and simulator share it; the test that watches the
// bytes between them does not.
package eventbus

// protoc 3.21.12, protoc-gen-go v1.36.12 and protoc-gen-go-grpc v1.6.2.
//go:generate protoc --go_out=. --go_opt=paths=source_relative --go-grpc_out=. --go-grpc_opt=paths=source_relative eventbus.proto
