vcl 4.1;

backend origin {
    .host = "127.0.0.1";
    .port = "8000";
    .probe = { .url = "/"; .interval = 5s; }
}

sub vcl_recv {
    if (req.url == "/") {
        return (synth(200, "cached here"));
    }
}
