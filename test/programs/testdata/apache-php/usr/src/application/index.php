<?php
require __DIR__ . '/config.php';
session_start();
$_SESSION['visits'] = ($_SESSION['visits'] ?? 0) + 1;
$db = new SplFileObject('/var/www/html/visits.log', 'a');
$db->fwrite(date('c') . "\n");
header('Content-Type: text/plain');
echo 'php ', PHP_VERSION, ' on ', php_uname('n'), "\n", hash('sha256', AUTH_KEY), "\n";
