<?php
define('DB_HOST', getenv('APPLICATION_DB_HOST') ?: 'mysql');
define('AUTH_KEY', 'put your unique phrase here');
define('SECURE_AUTH_KEY', 'put your unique phrase here');
