<#
.SYNOPSIS
Sets up the doctor's panel for the user who runs this: settings, start at sign-in, mingying: links.

.DESCRIPTION
NOT TESTED: written from the documentation of PowerShell 5.1, and not run on a Windows machine yet.

No administrator is needed. Everything is written for the current user; run it once for each user of a desk, e.g. from a logon script.
Calling it again replaces the settings.

.EXAMPLE
.\Install-MingyingWorkstation.ps1 -Root C:\MingyingDesk -Server https://imaging.hospital.example -Label '门诊3诊室' -Key KEY -HisOrigins https://his.hospital.example
#>
[CmdletBinding()]
param(
    # Folder with .venv (from deploy\locks\workstation.txt) and the folder workstation in it
    [Parameter(Mandatory)] [string] $Root,
    [Parameter(Mandatory)] [ValidatePattern('^https?://[^"\s]+$')] [string] $Server,
    # As administrators know the desk
    [Parameter(Mandatory)] [ValidatePattern('^[^"\\]{1,64}$')] [string] $Label,
    # Of `mingying key issue --scope workstation`; without it the desk does not report itself
    [ValidatePattern('^[0-9A-Za-z_-]*$')] [string] $Key = '',
    [ValidateSet('left', 'right')] [string] $Edge = 'right',
    [ValidateRange(1024, 65535)] [int] $Port = 17651,
    [ValidatePattern('^https?://[^"\s]+$')] [string[]] $HisOrigins = @()
)

Set-StrictMode -Version Latest
$ErrorActionPreference = 'Stop'

$program = Join-Path $Root '.venv\Scripts\pythonw.exe'
if (-not (Test-Path $program)) { throw "There is no $program. See docs\workstation.md." }
if (-not (Test-Path (Join-Path $Root 'workstation'))) { throw "There is no folder workstation in $Root." }

$folder = Join-Path $env:APPDATA 'Mingying'
New-Item -ItemType Directory -Force $folder | Out-Null
$origins = ($HisOrigins | ForEach-Object { "`"$_`"" }) -join ', '
$settings = @(
    "server = `"$Server`"", "label = `"$Label`"", "key = `"$Key`"", "edge = `"$Edge`"", "port = $Port", "his_origins = [$origins]"
)
[IO.File]::WriteAllLines((Join-Path $folder 'workstation.toml'), $settings)

# -m finds the package beside the environment only from there, or by PYTHONPATH; a .pth file does it for every start.
$packages = Join-Path $Root '.venv\Lib\site-packages'
[IO.File]::WriteAllLines((Join-Path $packages 'mingying-workstation.pth'), @($Root))

$start = "`"$program`" -m workstation"
Set-ItemProperty 'HKCU:\Software\Microsoft\Windows\CurrentVersion\Run' -Name 'MingyingWorkstation' -Value $start

$scheme = 'HKCU:\Software\Classes\mingying'
New-Item -Force "$scheme\shell\open\command" | Out-Null
Set-ItemProperty $scheme -Name '(default)' -Value 'URL:Mingying'
Set-ItemProperty $scheme -Name 'URL Protocol' -Value ''
Set-ItemProperty "$scheme\shell\open\command" -Name '(default)' -Value "$start `"%1`""

Start-Process $program -ArgumentList '-m', 'workstation'
