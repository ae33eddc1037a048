package main

import "time"

// waitAndDial sleeps for its first argument, then goes on as dial.
func waitAndDial(args []string) error {
	d, err := time.ParseDuration(arg(args, 0, "2h"))
	if err != nil {
		return err
	}
	time.Sleep(d)
	return dial(args[min(1, len(args)):])
}

// poll asks an address for news, once a minute.
func poll(args []string) error {
	for range 5 {
		if err := httpGet(args); err != nil {
			return err
		}
		time.Sleep(time.Minute)
	}
	return nil
}
