const char *greet(void) { return "HTTP/1.0 200 OK\r\nContent-Type: text/plain\r\n\r\ncompiled here\n"; }
