# Makes a checkout on Windows ready to run, or with -For dev to be worked on.
param([ValidateSet("run", "dev")][string]$For = "run")
$ErrorActionPreference = "Stop"
Set-Location (Join-Path $PSScriptRoot "..")

function Invoke-Checked([string]$Program) {
    & $Program @args
    if ($LASTEXITCODE -ne 0) { throw "$Program $args ended with code $LASTEXITCODE" }
}

$installed = (& py --list) -join " "
$python = "3.11", "3.12", "3.13" | Where-Object { $installed -match [regex]::Escape($_) } | Select-Object -First 1
if (-not $python) { throw "Python 3.11, 3.12 or 3.13 is needed; install it from python.org with its launcher py." }

if (-not (Test-Path .venv)) { Invoke-Checked py "-$python" -m venv .venv }
$pip = @("-m", "pip", "--disable-pip-version-check", "install", "--quiet")
Invoke-Checked .venv\Scripts\python.exe @pip --require-hashes -r "requirements\$For.lock"
Invoke-Checked .venv\Scripts\python.exe @pip --no-deps --no-build-isolation --config-settings editable_mode=compat -e .
Write-Host "Ready. Start the window with .venv\Scripts\machina"
