@echo off
rem Starts Snowfox by double click: finds a Python and runs "python -m webui" in this folder.
setlocal
cd /d "%~dp0"
title Snowfox

set "CHECK=import sys; sys.exit(sys.version_info < (3, 11))"
for %%P in ("py -3" "py -3.13" "py -3.12" "py -3.11" "python3" "python") do (
    %%~P -c "%CHECK%" >nul 2>nul && (
        set "PYTHON=%%~P"
        goto start
    )
)

echo Snowfox needs Python 3.11 or newer, and none was found.
echo Get the 64-bit installer from https://www.python.org/downloads/windows/
echo and tick "Add python.exe to PATH" in it. Then start webui.bat again.
pause
exit /b 1

:start
%PYTHON% -m webui %*
if errorlevel 1 pause
exit /b %errorlevel%
