// Command server is the backend of the gRPC sample: HTTP/2 with prior
// knowledge, as gRPC servers without TLS speak it.
//
//	go run ./server -addr 127.0.0.1:50051
package main

import (
	"flag"
	"fmt"
	"net"
	"os"

	"google.golang.org/grpc"

	"mgw/samples/grpc/echo"
)

func main() {
	addr := flag.String("addr", "127.0.0.1:50051", "where to listen")
	flag.Parse()
	if err := serve(*addr); err != nil {
		fmt.Fprintln(os.Stderr, "server:", err)
		os.Exit(1)
	}
}

func serve(addr string) error {
	socket, err := net.Listen("tcp", addr)
	if err != nil {
		return err
	}
	fmt.Printf("grpc://%s\n", socket.Addr())
	server := grpc.NewServer()
	echo.Register(server)
	return server.Serve(socket)
}
