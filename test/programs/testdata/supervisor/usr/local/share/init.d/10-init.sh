#!/bin/sh
mkdir -p /srv/www && echo "<h1>report</h1>" >/srv/www/index.html
