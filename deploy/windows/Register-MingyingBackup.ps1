<#
.SYNOPSIS
Backs up Mingying every night, by the task scheduler.

.DESCRIPTION
NOT TESTED on a Windows machine yet. The task runs as SYSTEM, which may read the data folder; a network share must let
the machine's account write. The keys are not in the backup: copy them once with
`mingying backup create … --keys FILE`, to another place.

.EXAMPLE
.\Register-MingyingBackup.ps1 -Root C:\Mingying -Data D:\MingyingData -Folder \\nas\mingying
#>
[CmdletBinding()]
param(
    [Parameter(Mandatory)] [string] $Root,
    [Parameter(Mandatory)] [string] $Data,
    [Parameter(Mandatory)] [string] $Folder,
    [string] $At = '02:30'
)

Set-StrictMode -Version Latest
$ErrorActionPreference = 'Stop'

$command = Join-Path $Root '.venv\Scripts\mingying.exe'
$action = New-ScheduledTaskAction -Execute $command -Argument "backup create `"$Folder`" --data `"$Data`""
$trigger = New-ScheduledTaskTrigger -Daily -At $At
$settings = New-ScheduledTaskSettingsSet -StartWhenAvailable -MultipleInstances IgnoreNew
Register-ScheduledTask -TaskName 'Mingying backup' -Action $action -Trigger $trigger -Settings $settings `
    -User 'SYSTEM' -RunLevel Highest -Force | Out-Null
