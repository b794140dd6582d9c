<?php

// Laravel as the system packages it, where another application has it in vendor/.
require_once '/usr/share/php/Illuminate/autoload.php';
