using Sentinel.Recovery;
using Sentinel.Recovery.Outages;

namespace Sentinel.Service.Alerts;

/// <summary>Alerts as sentences.</summary>
internal static class AlertWords
{
    public static string Of(RecoveryAlert alert)
    {
        var who = alert.Backend?.Name ?? "Compute Engine";
        return alert.Kind switch
        {
            OutageAlert.Preempted => $"{who} was preempted: {alert.Detail}",
            OutageAlert.Recovered => $"{who} serves again after {alert.Seconds:0} s ({alert.Reason}): {alert.Detail}",
            OutageAlert.Slow => $"{who} is not back after {alert.Seconds:0} s: {alert.Detail}",
            OutageAlert.Flapping => $"{who} goes down again and again: {alert.Detail}",
            OutageAlert.Held => $"{who} is left alone, {alert.Detail}; 'sentinel release {who}' starts it",
            _ => alert.Reason switch
            {
                "quota" => $"a quota keeps {who} down, raise it: {alert.Detail}",
                "permission" => $"a permission is missing for {who}, grant it: {alert.Detail}",
                "misconfigured" => $"{who} cannot be started as it is configured: {alert.Detail}",
                _ => $"there is no capacity for {who}: {alert.Detail}",
            },
        };
    }
}
