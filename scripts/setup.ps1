# Makes a checkout on Windows ready to run, or with -Profile dev to be worked on.
param([ValidateSet("run", "dev")][string]$Profile = "run")
$ErrorActionPreference = "Stop"
Set-Location (Join-Path $PSScriptRoot "..")

function Invoke-Checked([string]$Program) {
    & $Program @args
    if ($LASTEXITCODE -ne 0) { throw "$Program $args ended with code $LASTEXITCODE" }
}

$python = $null
foreach ($version in "3.11", "3.12", "3.13") {
    if (-not $python) {
        & py "-$version" --version 2>$null | Out-Null
        if ($LASTEXITCODE -eq 0) { $python = $version }
    }
}
if (-not $python) { throw "Python 3.11, 3.12 or 3.13 is needed; install it from python.org with its launcher py." }

if (-not (Test-Path .venv)) { Invoke-Checked py "-$python" -m venv .venv }
$pip = @("-m", "pip", "--disable-pip-version-check", "install", "--quiet")
Invoke-Checked .venv\Scripts\python.exe @pip --require-hashes -r "requirements\$Profile.lock"
Invoke-Checked .venv\Scripts\python.exe @pip --no-deps --no-build-isolation --config-settings editable_mode=compat -e .
Write-Host "Ready. Start the window with .venv\Scripts\machina"
