CREATE TABLE visits (id INT AUTO_INCREMENT PRIMARY KEY, page VARCHAR(100) NOT NULL);
INSERT INTO visits (page) VALUES ('one'), ('two'), ('three');
