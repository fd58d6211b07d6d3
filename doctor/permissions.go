package doctor

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/cordonhq/cordon/salesforce"
)

// permissions says what Cordon's user may do in the whole org. The org answers that for the
// caller in UserPermissionAccess. Where it does not, Query All Files still shows in one thing:
// only its holders may list ContentDocumentLink without a filter.
// https://help.salesforce.com/s/articleView?id=experience.collab_files_query.htm
func (v visit) permissions(ctx context.Context) {
	if v.out("query-all-files", "least-privilege") {
		return
	}
	const soql = "SELECT PermissionsQueryAllFiles, PermissionsViewAllData, PermissionsModifyAllData FROM UserPermissionAccess"
	var may struct{ PermissionsQueryAllFiles, PermissionsViewAllData, PermissionsModifyAllData *bool }
	err := v.client.Query(ctx, soql, func(row json.RawMessage) error { return json.Unmarshal(row, &may) })
	told := err == nil && may.PermissionsQueryAllFiles != nil && may.PermissionsViewAllData != nil && may.PermissionsModifyAllData != nil
	if !told {
		evidence := soql + ": no row"
		if err != nil {
			evidence = soql + ": " + err.Error()
		}
		v.filesByProbe(ctx, evidence)
		v.add(Line{Check: "least-privilege", State: Unknown, Says: "whether Cordon's user may change more than it needs to", Evidence: evidence,
			Do: "In Setup, open the user and look for Modify All Data among its permissions. Cordon does not need it."})
		return
	}
	evidence := fmt.Sprintf("UserPermissionAccess: QueryAllFiles=%v ViewAllData=%v", *may.PermissionsQueryAllFiles, *may.PermissionsViewAllData)
	switch {
	case *may.PermissionsQueryAllFiles && *may.PermissionsViewAllData:
		v.add(Line{Check: "query-all-files", State: OK, Says: "Cordon can list every file; this right neither changes nor deletes any", Evidence: evidence})
	default:
		v.add(filesMissing(evidence))
	}
	if *may.PermissionsModifyAllData {
		v.add(Line{Check: "least-privilege", State: Warning, Says: "Cordon's user may change all data, which Cordon does not need", Evidence: "UserPermissionAccess: ModifyAllData=true",
			Do: "Give it a profile without Modify All Data and the permission set that \"cordon init\" writes."})
	} else {
		v.add(Line{Check: "least-privilege", State: OK, Says: "Cordon's user has no Modify All Data", Evidence: "UserPermissionAccess: ModifyAllData=false"})
	}
}

func filesMissing(evidence string) Line {
	return Line{Check: "query-all-files", State: Missing, Says: "Cordon sees only files that are its own or shared with it; the others would be missing from every count", Evidence: evidence,
		Do: "Assign the permission set that \"cordon init\" writes: Query All Files, which needs View All Data."}
}

// filesByProbe tries what only holders of Query All Files may do.
func (v visit) filesByProbe(ctx context.Context, before string) {
	const soql = "SELECT Id FROM ContentDocumentLink LIMIT 1"
	err := v.client.Query(ctx, soql, func(json.RawMessage) error { return nil })
	var p *salesforce.Problem
	switch {
	case err == nil:
		v.add(Line{Check: "query-all-files", State: OK, Says: "Cordon can list every file, as far as a probe tells", Evidence: before + "; " + soql + " without a filter: allowed"})
	case errors.As(err, &p) && len(p.Errors) > 0 && p.Errors[0].ErrorCode == "MALFORMED_QUERY":
		v.add(filesMissing(before + "; " + soql + ": refused without a filter"))
	default:
		v.add(Line{Check: "query-all-files", State: Unknown, Says: "whether Cordon can list every file", Evidence: before + "; " + soql + ": " + err.Error(),
			Do: "In Setup, open the user's permissions and look for Query All Files."})
	}
}
