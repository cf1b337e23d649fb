<#
.SYNOPSIS
Installs Mingying as a Windows service, by NSSM.

.DESCRIPTION
NOT TESTED: written from the documentation of NSSM 2.24 and PowerShell 5.1, and not run on a Windows machine yet.

NSSM (https://nssm.cc) rather than pywin32: a service of pywin32 loads Python into its own host program and stops it with
no console event, while NSSM starts `mingying up` as on the command line and stops it by Ctrl-C, the road that is tested.

Run in a PowerShell of an administrator. Calling it again changes the settings of the service.

.EXAMPLE
.\Install-Mingying.ps1 -Root C:\Mingying -Data D:\MingyingData -RedisUrl redis://127.0.0.1:6379/0 -PublicUrl https://imaging.hospital.example
#>
[CmdletBinding()]
param(
    # Folder of the installation, with .venv in it
    [Parameter(Mandatory)] [string] $Root,
    # Data folder, on an encrypted disk
    [Parameter(Mandatory)] [string] $Data,
    # There is no Redis of our own on Windows
    [Parameter(Mandatory)] [string] $RedisUrl,
    # Address that stands in QR codes
    [Parameter(Mandatory)] [string] $PublicUrl,
    [string] $Nssm = 'nssm.exe',
    [string] $Service = 'Mingying'
)

Set-StrictMode -Version Latest
$ErrorActionPreference = 'Stop'

$command = Join-Path $Root '.venv\Scripts\mingying.exe'
if (-not (Test-Path $command)) { throw "There is no $command. First run: py -3.12 deploy\bootstrap demo" }
$account = "NT SERVICE\$Service"
$logs = Join-Path $Data 'logs'

function Invoke-Nssm {
    & $Nssm @args | Out-Null
    if ($LASTEXITCODE -ne 0) { throw "nssm $($args -join ' ') ended with status $LASTEXITCODE" }
}

if (-not (Get-Service -Name $Service -ErrorAction SilentlyContinue)) {
    Invoke-Nssm install $Service $command up
}
Invoke-Nssm set $Service DisplayName 'Mingying digital imaging service'
Invoke-Nssm set $Service AppDirectory $Root
Invoke-Nssm set $Service AppEnvironmentExtra `
    "MINGYING_DATA=$Data" `
    "MINGYING_REDIS_URL=$RedisUrl" `
    'MINGYING_HTTP__SECURE_COOKIES=true' `
    "MINGYING_HTTP__PUBLIC_BASE_URL=$PublicUrl" `
    'PYTHONUTF8=1'
# a virtual account: no password, no rights but those given below
sc.exe config $Service obj= $account | Out-Null
if ($LASTEXITCODE -ne 0) { throw "the service could not be given the account $account" }
Invoke-Nssm set $Service Start SERVICE_DELAYED_AUTO_START
# Ctrl-C first; the other ways would not let running work finish
Invoke-Nssm set $Service AppStopMethodConsole 45000
Invoke-Nssm set $Service AppStopMethodSkip 6
Invoke-Nssm set $Service AppExit Default Restart
Invoke-Nssm set $Service AppRestartDelay 5000
Invoke-Nssm set $Service AppStdout (Join-Path $logs 'up.log')
Invoke-Nssm set $Service AppStderr (Join-Path $logs 'up.log')
Invoke-Nssm set $Service AppRotateFiles 1
Invoke-Nssm set $Service AppRotateBytes 10485760

# The keys lie in the data folder: nobody else may read it. Well-known ids, because names differ between languages:
# S-1-5-18 SYSTEM, S-1-5-32-544 administrators.
New-Item -ItemType Directory -Force -Path $Data, $logs | Out-Null
icacls $Data /inheritance:r /grant:r "${account}:(OI)(CI)M" '*S-1-5-18:(OI)(CI)F' '*S-1-5-32-544:(OI)(CI)F' | Out-Null
if ($LASTEXITCODE -ne 0) { throw "the access list of $Data could not be set" }
icacls $Root /grant "${account}:(OI)(CI)RX" | Out-Null
if ($LASTEXITCODE -ne 0) { throw "the access list of $Root could not be set" }

Write-Output "Installed. Start it with: Start-Service $Service"
