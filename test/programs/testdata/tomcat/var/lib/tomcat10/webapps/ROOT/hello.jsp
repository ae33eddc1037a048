<%@ page contentType="text/plain" %>Java <%= System.getProperty("java.version") %> says hello
