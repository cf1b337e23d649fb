<#
.SYNOPSIS
Stops and removes the service. Data and installation stay where they are.

.DESCRIPTION
NOT TESTED on a Windows machine yet.
#>
[CmdletBinding()]
param(
    [string] $Nssm = 'nssm.exe',
    [string] $Service = 'Mingying'
)

Set-StrictMode -Version Latest
$ErrorActionPreference = 'Stop'

Stop-Service -Name $Service
& $Nssm remove $Service confirm
if ($LASTEXITCODE -ne 0) { throw "nssm remove ended with status $LASTEXITCODE" }
