
namespace Sentinel.Certificates.Acme;

/// <summary>One certificate that we order: what is known about when. One task at a time works on it; others read.</summary>
internal sealed class Course(EquatableNames names, CourseRecord record)
{
    private volatile CourseRecord _record = record;

    public EquatableNames Names => names;

    public CourseRecord Record
    {
        get => _record;
        set => _record = value;
    }

    /// <summary>What the authority advised for <see cref="AdvisedFor"/>; null if nothing.</summary>
    public RenewalAdvice? Advice { get; set; }

    /// <summary>The certificate that was asked about.</summary>
    public HeldCertificate? AdvisedFor { get; set; }

    /// <summary>When to ask for advice again.</summary>
    public DateTimeOffset AskAt { get; set; }

    /// <summary>Somebody wants it now.</summary>
    public volatile bool Urgent;

    /// <summary>It is being ordered at this moment.</summary>
    public volatile bool IsOrdering;

    /// <summary>The disk refused <see cref="Record"/>.</summary>
    public volatile bool IsUnkept;

    /// <summary>What becomes the record once the certificate is on disk; null if it is, or there is none.</summary>
    public CourseRecord? Closing { get; set; }

    /// <summary>What works on it.</summary>
    public Task Work { get; set; } = Task.CompletedTask;

    /// <summary>Whether an order was under way when the daemon before this one ended.</summary>
    public bool IsLeftOver { get; set; } = record.Order is not null;

    /// <summary>Whom to order from next, and when: never before the pause after the last try is over, or the authority wants it.</summary>
    /// <param name="isUp">Whether a backend of this name is up, which renews what it gave us itself.</param>
    /// <param name="directories">The authorities, the first choice first.</param>
    public (int Authority, DateTimeOffset At) NextOrder(HeldCertificate? held, KeyKind wanted, Func<string, bool> isUp, Uri[] directories)
    {
        var isWanted = held is not null && (held.Source.Origin != CertificateOrigin.Acme || held.IsEcdsa == (wanted is KeyKind.Ec256 or KeyKind.Ec384));
        var isCaredFor = held?.Source.Origin is CertificateOrigin.Directory || (held?.Source.Origin is CertificateOrigin.Backend && isUp(held.Source.From));
        var due = held is null || !isWanted || Urgent || held.Fingerprint == Record.Revoked ? DateTimeOffset.MinValue
            : Renewal.Due(held.NotBefore, held.NotAfter, ReferenceEquals(held, AdvisedFor) ? Advice?.Window : null, Renewal.Draw(held), isCaredFor);

        // An order that the daemon before this one left is gone on with at once, where it is.
        return IsLeftOver && Array.IndexOf(directories, Record.Directory) is >= 0 and var there ? (there, due)
            : Renewal.Next(Record.Failures, due > Record.NextTry ? due : Record.NextTry, Array.ConvertAll(directories, Record.NotBeforeAt));
    }
}
