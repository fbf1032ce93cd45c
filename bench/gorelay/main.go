// gorelay LISTEN=TARGET... relays TCP the way most Go programs do: two goroutines and io.Copy, which splices on Linux.
package main

import (
	"fmt"
	"io"
	"net"
	"os"
	"strings"
)

func relay(client *net.TCPConn, target string) {
	defer client.Close()
	dialled, err := net.Dial("tcp", target)
	if err != nil {
		return
	}
	defer dialled.Close()
	backend := dialled.(*net.TCPConn)

	sent := make(chan struct{})
	go func() {
		io.Copy(backend, client)
		backend.CloseWrite()
		close(sent)
	}()
	io.Copy(client, backend)
	client.CloseWrite()
	<-sent
}

func main() {
	for _, pair := range os.Args[1:] {
		listen, target, found := strings.Cut(pair, "=")
		if !found {
			fmt.Fprintln(os.Stderr, "usage: gorelay LISTEN=TARGET...")
			os.Exit(2)
		}
		listener, err := net.Listen("tcp", listen)
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		go func() {
			for {
				if client, err := listener.Accept(); err == nil {
					go relay(client.(*net.TCPConn), target)
				}
			}
		}()
	}
	select {}
}
