<!doctype html>
<title>Back soon</title>
<p>The shop is being maintained.</p>
