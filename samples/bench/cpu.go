package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// usage gives the CPU time of a process and its children, by the scheduler's
// own count, and their resident memory.
func usage(pid int) (cpu time.Duration, memory int64) {
	for _, pid := range family(pid) {
		tasks, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/schedstat", pid))
		for _, task := range tasks {
			data, _ := os.ReadFile(task)
			ran, _, _ := strings.Cut(string(data), " ")
			n, _ := strconv.ParseInt(ran, 10, 64)
			cpu += time.Duration(n)
		}
		status, _ := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
		memory += residentOf(status)
	}
	return cpu, memory
}

func residentOf(status []byte) int64 {
	_, rest, _ := bytes.Cut(status, []byte("VmRSS:"))
	fields := bytes.Fields(rest)
	if len(fields) == 0 {
		return 0
	}
	kilobytes, _ := strconv.ParseInt(string(fields[0]), 10, 64)
	return kilobytes << 10
}

// family is a process and its children.
func family(pid int) []int {
	all := []int{pid}
	data, _ := os.ReadFile(fmt.Sprintf("/proc/%d/task/%d/children", pid, pid))
	for _, text := range strings.Fields(string(data)) {
		if child, err := strconv.Atoi(text); err == nil {
			all = append(all, family(child)...)
		}
	}
	return all
}

// fixedJob asks a process on the core how much CPU the fixed job costs there
// at this moment.
func (l *lab) fixedJob(ctx context.Context, core int) (time.Duration, error) {
	out, err := exec.CommandContext(ctx, "taskset", "-c", strconv.Itoa(core), l.self, "fixed-job").Output()
	if err != nil {
		return 0, fmt.Errorf("the fixed job: %w", err)
	}
	n, err := strconv.ParseInt(strings.TrimSpace(string(out)), 10, 64)
	return time.Duration(n), err
}

func printFixedJob([]string) {
	runtime.LockOSThread()
	work(200) // caches and clock frequency
	before := threadTime()
	work(4000)
	fmt.Println(threadTime() - before)
}

// work does what a proxy does: system calls that copy, and a little with the
// bytes.
func work(times int) {
	r, w, err := os.Pipe()
	if err != nil {
		panic(err)
	}
	defer r.Close()
	defer w.Close()
	block := make([]byte, 1024)
	for range times {
		if _, err := syscall.Write(int(w.Fd()), block); err != nil {
			panic(err)
		}
		if _, err := syscall.Read(int(r.Fd()), block); err != nil {
			panic(err)
		}
		sum := sha256.Sum256(block)
		copy(block, sum[:])
	}
}

// threadTime is the CPU time of this thread, in nanoseconds.
func threadTime() int64 {
	data, err := os.ReadFile(fmt.Sprintf("/proc/self/task/%d/schedstat", syscall.Gettid()))
	if err != nil {
		panic(err)
	}
	ran, _, _ := strings.Cut(string(data), " ")
	n, err := strconv.ParseInt(ran, 10, 64)
	if err != nil {
		panic(err)
	}
	return n
}
